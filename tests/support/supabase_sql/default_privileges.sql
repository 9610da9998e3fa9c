-- What makes each new table of the application readable by its API.
ALTER DEFAULT PRIVILEGES {where} GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES {where} GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES {where} GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
