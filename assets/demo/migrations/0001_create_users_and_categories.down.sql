DROP TABLE categories;
DROP TABLE users;
