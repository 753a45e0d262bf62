-- Run by deployer after migration 2, before the foreign keys of migration 3:
-- checking them once over the whole is cheaper than row by row.
INSERT INTO categories (id, name)
SELECT n, (ARRAY['Rent', 'Groceries', 'Travel', 'Health', 'Children', 'Insurance',
                 'Eating out', 'Clothes', 'Gifts', 'Repairs', 'Books', 'Other'])[n]
FROM generate_series(1, 12) AS n;

INSERT INTO users (email, name, created_at)
SELECT 'user' || n || '@example.com', 'User ' || n, now() - n * interval '6 hours'
FROM generate_series(1, 2000) AS n;

-- Every 17th expense has no status: the oldest program did not write one.
INSERT INTO expenses (user_id, category_id, amount, spent_on, status, legacy_reference)
SELECT 1 + n % 2000,
       1 + (n / 7) % 12,
       100 + (n * 7919::bigint % 250000)::integer,
       current_date - (n % 1460),
       CASE WHEN n % 17 <> 0
            THEN (ARRAY['paid', 'paid', 'paid', 'submitted', 'rejected'])[1 + n % 5]
       END,
       'OLD-' || n
FROM generate_series(1, 210000) AS n;

INSERT INTO incomes (user_id, amount, received_on)
SELECT 1 + n % 2000, 180000 + n * 37 % 220000, current_date - 30 * (n / 2000)
FROM generate_series(0, 23999) AS n;
