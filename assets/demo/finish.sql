-- Run by deployer after the last applied migration: what the applications may
-- do, and the statistics that the planner needs.
INSERT INTO audit (who, what)
SELECT 'deployer', 'imported ' || count(*) || ' expenses' FROM expenses;

GRANT SELECT, INSERT, UPDATE ON users, categories, expenses, incomes, audit TO web;
GRANT SELECT ON users, categories, expenses, incomes, audit TO reporting;

ANALYZE users, categories, expenses, incomes, audit;
