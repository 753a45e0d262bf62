ALTER TABLE expenses ADD COLUMN note text;
