-- What usql and other tools ask about parameters of functions and about privileges.
create function twice(n int) returns int language sql as 'select n*2';
create function deflt(a int, b text default 'x', c int[] default '{1}') returns int language sql as 'select 1';
create type mood as enum ('a');
create function mooded(mood, mood[]) returns int language sql as 'select 1';
create table pt(id int); create role clerk_of_rights; grant select, insert on pt to clerk_of_rights; grant update on pt to public;
show block_size;
select specific_schema, regexp_replace(specific_name,'_\d+$','') sn, ordinal_position, parameter_mode, is_result, as_locator, parameter_name, data_type, udt_schema, udt_name, dtd_identifier, parameter_default, specific_catalog is null from information_schema.parameters where specific_schema='public' order by 2, 3;
select count(*), count(parameter_name), sum(ordinal_position), count(distinct data_type) from information_schema.parameters where specific_name in (select nameconcatoid(proname, oid) from pg_proc where oid < 10000 and proname in ('lower','array_append','pg_stat_get_activity','json_each','format'));
select specific_name, ordinal_position, parameter_mode, parameter_name, data_type from information_schema.parameters where specific_name in ('json_each_3958','format_3539','pg_control_checkpoint_3442') order by 1,2;
select grantor, grantee, table_schema, table_name, privilege_type, is_grantable, with_hierarchy from information_schema.table_privileges where table_name='pt' order by 2,5;
select grantor, grantee, privilege_type, is_grantable from information_schema.table_privileges where table_name='pg_class' order by 2,3;
grant select (id) on pt to clerk_of_rights;
select grantor, grantee, table_name, column_name, privilege_type, is_grantable from information_schema.column_privileges where table_name='pt' order by 2,5;
select pg_get_function_arg_default('deflt'::regproc, n) from generate_series(0,4) n;
create sequence sq; create domain dm as int; grant usage on sequence sq to clerk_of_rights;
select grantor, grantee, object_schema, object_name, object_type, privilege_type, is_grantable from information_schema.usage_privileges where object_schema='public' order by 4,2;
select grantee, object_name, object_type, is_grantable from information_schema.usage_privileges where object_name in ('C','POSIX') order by 2;
drop owned by clerk_of_rights; drop role clerk_of_rights;
