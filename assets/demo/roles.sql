-- Run by the superuser on the maintenance database. One role per application,
-- so that it shows who waits for whom.
CREATE ROLE deployer LOGIN CREATEDB IN ROLE pg_monitor, pg_signal_backend;
CREATE ROLE web LOGIN;
CREATE ROLE reporting LOGIN;
CREATE ROLE scheduler LOGIN;
CREATE DATABASE shop OWNER deployer;
