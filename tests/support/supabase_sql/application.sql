-- The tables of an application in the project, made by its `postgres`.
CREATE TABLE public.orgs (
    id uuid PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE public.accounts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    name text NOT NULL,
    archived_at timestamptz
);

CREATE TABLE public.profiles (
    id uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
    display_name text NOT NULL
);

CREATE TABLE public.memberships (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('admin', 'va')),
    UNIQUE (org_id, user_id)
);

CREATE FUNCTION public.my_orgs() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT org_id FROM public.memberships WHERE user_id = auth.uid()
$$;

ALTER TABLE public.orgs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_orgs ON public.orgs FOR SELECT TO authenticated
    USING (id IN (SELECT public.my_orgs()));
CREATE POLICY own_accounts ON public.accounts FOR SELECT TO authenticated
    USING (org_id IN (SELECT public.my_orgs()));
CREATE POLICY own_profile ON public.profiles FOR SELECT TO authenticated
    USING (id = auth.uid());
CREATE POLICY own_memberships ON public.memberships FOR SELECT TO authenticated
    USING (org_id IN (SELECT public.my_orgs()));
