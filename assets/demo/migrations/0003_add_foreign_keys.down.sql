DROP INDEX incomes_user_id_idx;
DROP INDEX expenses_user_id_idx;
ALTER TABLE incomes DROP CONSTRAINT incomes_user_id_fkey;
ALTER TABLE expenses
    DROP CONSTRAINT expenses_category_id_fkey,
    DROP CONSTRAINT expenses_user_id_fkey;
