--liquibase formatted sql

--changeset ops:1
CREATE TABLE u (id int);
--rollback DROP TABLE u;

-- changeset ops:two
--comment makes it fast
CREATE INDEX u_id ON u (id);

--changeset ops:3 runInTransaction:false
CREATE INDEX CONCURRENTLY u_i ON u (id);
--rollback DROP INDEX CONCURRENTLY u_i;

--changeset ops:4
-- a comment of our own
ALTER TABLE u ADD COLUMN c int;   /* and another */
ALTER TABLE u
	ADD COLUMN   d text DEFAULT 'ä  é';
--rollback not required

--changeset ops:5 splitStatements:false
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  -- inside
  RETURN 1;
END $$;

--changeset ops:6 endDelimiter:@@ stripComments:false
ALTER TABLE u ADD COLUMN e int
@@
ALTER TABLE u ADD COLUMN g int
@@

--changeset ops:7 splitStatements:true endDelimiter:;
ALTER TABLE u ADD COLUMN h int;
--preconditions onFail:HALT
--precondition-sql-check expectedResult:0 SELECT 0

--changeset ops:8 labels:x context:prod
ALTER TABLE u ADD COLUMN i int;

--changeset ops:9 runOnChange:true
CREATE OR REPLACE VIEW w AS SELECT 1 AS a;
/* liquibase rollback
DROP VIEW w;
*/

--changeset ops:10
--validCheckSum: 8:0123456789abcdef0123456789abcdef
ALTER TABLE u ADD COLUMN j int;
--ignoreLines:2
this is not
read at all
ALTER TABLE u ADD COLUMN k int;
--changeset ops:11
ALTER TABLE u ADD COLUMN l int
--changeset ops:12
ALTER TABLE u ADD COLUMN m int;

ALTER TABLE u ADD COLUMN n int;
