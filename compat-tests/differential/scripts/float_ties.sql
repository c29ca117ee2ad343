-- Numbers half way between two decimals: the even one is shown.
SELECT 214747290955492.125::float8, 214747290955492.375::float8, 70368744177664.0625::float8, 35184372088832.03125::float8, 1125899906842624.5::float8, 0.125::float8, 2251799813685248.25::float8, 281474976710656.625::float8, 8388608.5::float4, 2097152.125::float4, 1048576.0625::float4, 524288.03125::float4, 131072.0078125::float4, 4194304.25::float4, 4194304.75::float4;
SELECT (562949953421312 + g * 0.0625)::float8 FROM generate_series(0, 31) AS g;
SELECT (2199023255552 + g * 0.000244140625)::float8, (1048576 + g * 0.0625)::float4 FROM generate_series(0, 40) AS g;
