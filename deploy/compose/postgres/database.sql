-- One database: rights go to roles nobody can log in as, logins are members of them (as deploy/servers/databases.py
-- does it for private servers). CONNECT is taken from PUBLIC, so that no service can open another one's database.
SELECT format('CREATE ROLE %I NOLOGIN', :'service' || suffix)
  FROM unnest(ARRAY['_owner', '_app', '_audit']) AS suffix
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service' || suffix) \gexec

SELECT format('CREATE ROLE %I LOGIN CONNECTION LIMIT 20', :'name' || suffix || '_login')
  FROM unnest(ARRAY['_owner', '_app', '_audit']) AS suffix
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name' || suffix || '_login') \gexec

SELECT format('ALTER ROLE %I PASSWORD %L', :'name' || suffix || '_login', password),
       format('GRANT %I TO %I', :'service' || suffix, :'name' || suffix || '_login')
  FROM (VALUES ('_owner', :'owner'), ('_app', :'app'), ('_audit', :'audit')) AS told(suffix, password) \gexec

SELECT format('ALTER ROLE %I SET role TO %I', :'name' || '_owner_login', :'service' || '_owner'),
       format('ALTER ROLE %I SET default_transaction_read_only TO on', :'name' || '_audit_login') \gexec

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING %L', :'name', :'service' || '_owner', 'UTF8')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'name'),
       format('GRANT CONNECT ON DATABASE %I TO %I, %I, %I', :'name',
              :'name' || '_owner_login', :'name' || '_app_login', :'name' || '_audit_login') \gexec

SELECT format('GRANT CONNECT ON DATABASE %I TO healer', :'name') \gexec

\connect :name
SELECT 'GRANT USAGE ON SCHEMA public TO healer' \gexec
SELECT format('ALTER SCHEMA public OWNER TO %I', :'service' || '_owner'),
       'REVOKE ALL ON SCHEMA public FROM PUBLIC',
       format('GRANT USAGE ON SCHEMA public TO %I, %I', :'service' || '_app', :'service' || '_audit') \gexec
