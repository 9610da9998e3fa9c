-- All that belongs to the project and its application, a line a thing.
WITH theirs AS (
    SELECT * FROM pg_namespace WHERE nspname IN ('auth', 'extensions', 'public')
)
SELECT 'schema', nspname::text, concat_ws(' ', nspowner, nspacl) FROM theirs
UNION ALL
SELECT 'relation', c.oid::regclass::text,
    concat_ws(' ', relkind, relowner, relacl, relhastriggers, relrowsecurity, relforcerowsecurity)
FROM pg_class c JOIN theirs ON theirs.oid = relnamespace
UNION ALL
SELECT 'column', concat_ws('.', attrelid::regclass, attname),
    concat_ws(' ', attnum, atttypid::regtype, attnotnull, attacl)
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN theirs ON theirs.oid = relnamespace
UNION ALL
SELECT 'constraint', concat_ws('.', conrelid::regclass, conname), pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN theirs ON theirs.oid = connamespace
UNION ALL
SELECT 'function', p.oid::regprocedure::text, concat_ws(' ', proowner, proacl, prosrc)
FROM pg_proc p JOIN theirs ON theirs.oid = pronamespace
UNION ALL
SELECT 'policy', concat_ws('.', schemaname, tablename, policyname),
    concat_ws(' ', cmd, roles, qual, with_check)
FROM pg_policies JOIN theirs ON nspname = schemaname
UNION ALL
SELECT 'rows', concat_ws('.', schemaname, tablename),
    query_to_xml(format('SELECT * FROM %I.%I ORDER BY 1', schemaname, tablename), true, false, '')::text
FROM pg_tables JOIN theirs ON nspname = schemaname
UNION ALL
SELECT 'default privilege', concat_ws(' ', defaclrole, defaclnamespace, defaclobjtype), defaclacl::text
FROM pg_default_acl WHERE defaclnamespace = 0 OR defaclnamespace IN (SELECT oid FROM theirs)
UNION ALL
SELECT 'published', pubname, concat_ws('.', schemaname, tablename) FROM pg_publication_tables
UNION ALL
SELECT 'role', rolname,
    concat_ws(' ', rolsuper, rolcreaterole, rolbypassrls, rolinherit, rolcanlogin, rolconfig)
FROM pg_roles
WHERE rolname IN ('supabase_postgres', 'anon', 'authenticated', 'service_role', 'authenticator')
ORDER BY 1, 2, 3
