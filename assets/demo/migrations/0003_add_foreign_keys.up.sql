ALTER TABLE expenses
    ADD CONSTRAINT expenses_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    ADD CONSTRAINT expenses_category_id_fkey FOREIGN KEY (category_id) REFERENCES categories (id);

ALTER TABLE incomes
    ADD CONSTRAINT incomes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id);

CREATE INDEX expenses_user_id_idx ON expenses (user_id);
CREATE INDEX incomes_user_id_idx ON incomes (user_id);
