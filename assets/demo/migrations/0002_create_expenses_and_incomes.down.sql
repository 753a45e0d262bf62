DROP TABLE incomes;
DROP TABLE expenses;
