ALTER TABLE expenses ALTER COLUMN amount TYPE bigint;
