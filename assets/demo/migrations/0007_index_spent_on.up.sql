CREATE INDEX expenses_spent_on_idx ON expenses (spent_on);
