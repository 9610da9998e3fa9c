-- The roles of every Supabase project. `postgres` may not be a superuser there; here that name is
-- the test server's own, and supabase_postgres stands for it.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('supabase_postgres', 'LOGIN PASSWORD ''{password}'' CREATEDB CREATEROLE REPLICATION BYPASSRLS'),
            ('anon', 'NOLOGIN NOINHERIT'),
            ('authenticated', 'NOLOGIN NOINHERIT'),
            ('service_role', 'NOLOGIN NOINHERIT BYPASSRLS'),
            ('authenticator', 'LOGIN NOINHERIT')
        ) AS roles (name, attributes)
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the server, and outlive a test's database
        END;
    END LOOP;
END $$;

GRANT anon, authenticated, service_role TO authenticator, supabase_postgres;
ALTER ROLE anon SET statement_timeout = '3s';
ALTER ROLE authenticated SET statement_timeout = '8s';
