DROP INDEX expenses_spent_on_idx;
