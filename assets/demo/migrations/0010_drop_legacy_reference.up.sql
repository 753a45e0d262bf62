ALTER TABLE expenses DROP COLUMN legacy_reference;
