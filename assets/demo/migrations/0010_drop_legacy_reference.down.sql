ALTER TABLE expenses ADD COLUMN legacy_reference text;
