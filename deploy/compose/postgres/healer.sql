-- The login that looks for lost deliveries, in every database; what it may read there its migration says (libs/migration.py).
SELECT 'CREATE ROLE healer LOGIN CONNECTION LIMIT 60'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'healer') \gexec

SELECT format('ALTER ROLE healer PASSWORD %L', :'password'),
       'ALTER ROLE healer SET default_transaction_read_only TO on' \gexec
