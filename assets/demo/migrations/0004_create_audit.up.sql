CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    who text NOT NULL,
    what text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
