-- Amounts are in cents.
CREATE TABLE expenses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    category_id integer NOT NULL,
    amount integer NOT NULL,
    spent_on date NOT NULL,
    status text,
    legacy_reference text
);

CREATE TABLE incomes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    amount integer NOT NULL,
    received_on date NOT NULL
);
