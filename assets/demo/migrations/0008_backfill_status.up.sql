UPDATE expenses SET status = 'submitted' WHERE status IS NULL;
