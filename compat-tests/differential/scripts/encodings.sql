-- Client encodings: names, what is reported, conversions, and what can't be converted.
--@ extended
create table words (id int primary key, word text, tags text[]);
insert into words values (1, U&'caf\00e9', array[U&'\00e9', null]), (2, U&'\20ac', '{}'), (3, U&'\3042', array['x']);
select length(word), octet_length(word) from words order by id;
set client_encoding to 'latin-1';
show client_encoding;
select pg_client_encoding();
select word, tags from words where id = 1;
select length('é'), octet_length('é'), 'é';
--@ bind 'é'
select length($1::text), octet_length($1::text);
--@ bind 'é'
select octet_length($1::varchar), $1::varchar as "é";
select word from words where id = 2;
select word as ok from words order by id;
select 1 as "é";
select nosuch."é";
do $$ begin raise exception 'é'; end $$;
select convert_from('\x81', 'win1252');
copy (select word from words where id = 1) to stdout;
copy (select word from words where id = 2) to stdout;
copy (select word from words where id = 2) to stdout (encoding 'latin9');
copy (select word as "é" from words where id = 1) to stdout (format csv, header);
copy (select word from words) to stdout (encoding 'wat');
copy words (id, word) from stdin;
4	é
\.
copy words (id, word) from stdin (encoding 'utf8');
5	é
\.
select octet_length(word) from words where id in (4, 5) order by id;
set client_encoding to utf8;
copy words (id, word) from stdin (encoding 'euc_jp');
6	plain
7	é
\.
select word from words where id in (4, 5) order by id;
set names 'euc-jp';
select word from words where id = 3;
set client_encoding to sjis;
select word from words where id = 3;
set client_encoding to sql_ascii;
select word from words order by id;
reset client_encoding;
show client_encoding;
begin;
set local client_encoding to win1252;
select word from words where id = 2;
rollback;
select word from words where id = 2;
begin;
set client_encoding to koi8r;
savepoint a;
set client_encoding to win1251;
rollback to a;
show client_encoding;
commit;
show client_encoding;
set client_encoding to default;
select set_config('client_encoding', 'windows-1252', false);
show client_encoding;
set client_encoding to wat;
set client_encoding to '';
set client_encoding to mule_internal;
set names default;
show client_encoding;
select convert_to(U&'\20ac', 'latin9'), convert_to(U&'\20ac', 'win1252'), convert_to(U&'\3042', 'euc_jp');
select convert_to(U&'\20ac', 'latin1');
select convert_from('\xa4', 'latin9'), convert_from('\xb0a1', 'euc_kr'), convert_from('\x8140', 'gbk'), convert_from('\xa440', 'big5');
select convert_from('\x8f41', 'euc_jp');
select convert_from('\x4100', 'latin1');
select convert_from('\xe9', 'sql_ascii');
select convert_from('\xe9', 'nonsense');
select convert_to('x', 'nonsense');
select convert('\xe9', 'latin1', 'utf8'), convert('\xc3a9', 'utf8', 'latin9'), convert('\xe9', 'latin1', 'latin1'), convert('\xe9', 'latin1', 'sql_ascii');
select convert('\xe9', 'latin1', 'latin9');
select convert('\xc3', 'utf8', 'latin9');
select pg_char_to_encoding('iso-8859-15'), pg_char_to_encoding('x'), pg_encoding_to_char(8), pg_encoding_to_char(99), pg_encoding_max_length(1), pg_encoding_max_length(99);
select length('\xa1a1'::bytea, 'euc_jp'), length('\xe9e9'::bytea, 'latin1');
select length('\xa1'::bytea, 'euc_jp');
