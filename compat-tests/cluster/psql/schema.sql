create table author(id serial primary key, name text not null unique, born date);
create table book(id serial primary key, author_id int not null references author(id) on delete cascade, title varchar(50) not null, price numeric(8,2) default 9.99 check (price>0), created timestamptz default now(), tags text[]);
create index book_title_idx on book(title desc);
create index book_expr on book(lower(title)) where price > 5;
