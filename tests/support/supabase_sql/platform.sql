-- What Supabase puts into a project's database, run as its superuser.
GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {database} TO supabase_postgres;

CREATE SCHEMA auth;
CREATE SCHEMA extensions;
CREATE PUBLICATION supabase_realtime;

CREATE TABLE auth.users (
    id uuid PRIMARY KEY,
    email text UNIQUE,
    encrypted_password text,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    created_at timestamptz DEFAULT now()
);

CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
$$;

GRANT USAGE ON SCHEMA auth, extensions, public TO anon, authenticated, service_role;
GRANT ALL ON SCHEMA auth, extensions, public TO supabase_postgres;
GRANT ALL ON ALL TABLES IN SCHEMA auth TO supabase_postgres;
