-- The laws between fee's tables. Each is checked when the transaction ends, for whoever wrote the row, and each
-- refusal names its rule as the constraint name. search_path is fixed so that no temporary table can stand in.
-- Statements are parted by one blank line; inside a statement there is none.

CREATE FUNCTION refuse_unlawful(rule text, detail text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: %', rule, detail USING ERRCODE = '23514', CONSTRAINT = rule;
END $$;

-- AL 58, 59: the columns a bill is checked against are those of the published document.
CREATE FUNCTION tariff_version_is_the_document() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF (NEW.body ->> 'tariff_code', NEW.body ->> 'version', NEW.body ->> 'charge_kind',
        NEW.body ->> 'subject_code', NEW.body ->> 'payee',
        (NEW.body ->> 'in_force_from')::date, (NEW.body ->> 'in_force_until')::date,
        ((NEW.body ->> 'published_at')::timestamptz AT TIME ZONE 'Asia/Shanghai')::date)
       IS DISTINCT FROM
       (NEW.tariff_code, NEW.version::text, NEW.charge_kind, NEW.subject_code, NEW.payee,
        NEW.in_force_from, NEW.in_force_until, NEW.published_on) THEN
        PERFORM refuse_unlawful('tariff_version_is_the_document', NEW.tariff_code || ' version ' || NEW.version);
    END IF;
    RETURN NULL;
END $$;

-- Accounts come into being by publication alone: the service itself may not open one.
CREATE FUNCTION open_accounts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO accounts (account_no, kind, subject_code)
    SELECT kind || '/' || NEW.subject_code, kind, NEW.subject_code
    FROM unnest(ARRAY['receivable', 'revenue', 'treasury']) AS kind
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION require_lawful_bill(wanted text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    bill bills;
    tariff tariff_versions;
    stated record;
BEGIN
    SELECT * INTO bill FROM bills WHERE bill_no = wanted;
    SELECT * INTO tariff FROM tariff_versions
    WHERE tariff_code = bill.tariff_code AND version = bill.tariff_version;
    IF NOT FOUND THEN
        RETURN; -- the foreign keys refuse it
    END IF;
    IF bill.accepted_on < tariff.in_force_from OR bill.accepted_on > tariff.in_force_until
       OR bill.accepted_on < tariff.published_on
       OR EXISTS (SELECT FROM tariff_versions later WHERE later.tariff_code = bill.tariff_code
                  AND later.published_on <= bill.accepted_on AND later.in_force_from <= bill.accepted_on
                  AND (later.in_force_from, later.version) > (tariff.in_force_from, tariff.version)) THEN
        PERFORM refuse_unlawful('bill_follows_the_tariff_in_force_on_acceptance', wanted);
    END IF;
    IF bill.subject_code <> tariff.subject_code THEN
        PERFORM refuse_unlawful('bill_has_the_subject_code_of_its_tariff', wanted);
    END IF;
    SELECT count(*) AS lines, coalesce(sum(amount_fen), 0) AS fen, min(line_no) AS first, max(line_no) AS last,
           bool_and(charge_kind = tariff.charge_kind) AS one_kind INTO stated
    FROM bill_lines WHERE bill_no = wanted;
    IF stated.lines <> bill.line_count OR stated.first <> 1 OR stated.last <> bill.line_count
       OR NOT stated.one_kind THEN
        PERFORM refuse_unlawful('bill_has_exactly_its_lines', wanted);
    END IF;
    IF stated.fen <> bill.total_fen THEN
        PERFORM refuse_unlawful('bill_total_is_the_sum_of_its_lines', wanted);
    END IF;
    IF (bill.total_fen > 0) <> EXISTS (
        SELECT FROM ledger_transactions WHERE bill_no = wanted AND kind = 'charge') THEN
        PERFORM refuse_unlawful('bill_above_zero_is_booked', wanted);
    END IF;
END $$;

CREATE FUNCTION bill_is_lawful() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM require_lawful_bill(NEW.bill_no);
    RETURN NULL;
END $$;

-- Every line is multiplied again here: product of its quantities x rate, half up to the fen, once.
CREATE FUNCTION line_recomputes() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    factor numeric;
    yuan numeric := NEW.rate;
BEGIN
    FOR factor IN SELECT value::numeric FROM jsonb_each_text(NEW.quantity) LOOP
        IF factor < 0 OR factor = 'NaN' THEN
            PERFORM refuse_unlawful('line_is_not_negative', NEW.bill_no);
        END IF;
        yuan := yuan * factor;
    END LOOP;
    IF NEW.quantity = '{}'::jsonb OR round(yuan, 2) * 100 <> NEW.amount_fen THEN
        PERFORM refuse_unlawful('line_amount_is_quantity_times_rate', NEW.bill_no);
    END IF;
    RETURN NULL;
END $$;

-- A transaction has exactly its two entries, for ever: they sum to zero and are those its kind prescribes.
CREATE FUNCTION require_balanced(wanted text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    movement ledger_transactions;
    bill bills;
    stated record;
    gains text;
    gives text;
BEGIN
    SELECT * INTO movement FROM ledger_transactions WHERE transaction_no = wanted;
    SELECT * INTO bill FROM bills WHERE bill_no = movement.bill_no;
    IF NOT FOUND THEN
        RETURN; -- the foreign keys refuse it
    END IF;
    SELECT count(*) AS entries, coalesce(sum(amount_fen), 0) AS fen INTO stated
    FROM ledger_entries WHERE transaction_no = wanted;
    IF stated.entries <> movement.entry_count THEN
        PERFORM refuse_unlawful('transaction_has_exactly_its_entries', wanted);
    END IF;
    IF stated.fen <> 0 THEN
        PERFORM refuse_unlawful('entries_of_a_transaction_sum_to_zero', wanted);
    END IF;
    gains := CASE movement.kind WHEN 'charge' THEN 'receivable' WHEN 'payment' THEN 'treasury' ELSE 'revenue' END;
    gives := CASE movement.kind WHEN 'charge' THEN 'revenue' ELSE 'receivable' END;
    IF (SELECT count(*) FROM ledger_entries WHERE transaction_no = wanted AND (account_no, amount_fen) IN (
            (gains || '/' || bill.subject_code, bill.total_fen),
            (gives || '/' || bill.subject_code, -bill.total_fen))) <> 2 THEN
        PERFORM refuse_unlawful('transaction_moves_the_bill_between_its_accounts', wanted);
    END IF;
    IF movement.booked_at < bill.assessed_at THEN
        PERFORM refuse_unlawful('nothing_is_booked_before_the_bill', wanted);
    END IF;
    IF movement.kind <> 'charge' AND NOT EXISTS (
            SELECT FROM ledger_transactions WHERE bill_no = movement.bill_no AND kind = 'charge') THEN
        PERFORM refuse_unlawful('bill_is_charged_before_it_ends', wanted);
    END IF;
    IF movement.kind = 'payment' AND NOT EXISTS (SELECT FROM settlements WHERE bill_no = movement.bill_no) THEN
        PERFORM refuse_unlawful('payment_has_its_settlement', wanted);
    END IF;
    IF movement.kind = 'cancellation' AND NOT EXISTS (SELECT FROM cancellations WHERE bill_no = movement.bill_no) THEN
        PERFORM refuse_unlawful('cancellation_has_its_reason', wanted);
    END IF;
END $$;

CREATE FUNCTION transaction_balances() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM require_balanced(NEW.transaction_no);
    RETURN NULL;
END $$;

CREATE FUNCTION settlement_is_exact() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    bill bills;
    booked date;
BEGIN
    SELECT * INTO bill FROM bills WHERE bill_no = NEW.bill_no;
    IF NOT FOUND THEN
        RETURN NULL; -- the foreign key refuses it
    END IF;
    IF NEW.amount_fen <> bill.total_fen THEN
        PERFORM refuse_unlawful('settlement_is_exactly_the_bill', NEW.bill_no);
    END IF;
    IF NEW.received_at < bill.assessed_at OR NEW.paid_at < bill.assessed_at - interval '5 minutes'
       OR NEW.paid_at > NEW.received_at + interval '5 minutes' THEN
        PERFORM refuse_unlawful('settlement_comes_after_the_bill', NEW.bill_no);
    END IF;
    SELECT booked_on INTO booked FROM ledger_transactions WHERE transaction_no = NEW.transaction_no;
    IF booked <> NEW.received_on OR NEW.received_on <> (NEW.received_at AT TIME ZONE 'Asia/Shanghai')::date THEN
        PERFORM refuse_unlawful('settlement_is_credited_the_same_day', NEW.bill_no);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER tariff_version_is_the_document AFTER INSERT ON tariff_versions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tariff_version_is_the_document();

CREATE TRIGGER open_accounts AFTER INSERT ON tariff_versions FOR EACH ROW EXECUTE FUNCTION open_accounts();

CREATE CONSTRAINT TRIGGER bill_is_lawful AFTER INSERT ON bills
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bill_is_lawful();

CREATE CONSTRAINT TRIGGER bill_lines_are_lawful AFTER INSERT ON bill_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bill_is_lawful();

CREATE CONSTRAINT TRIGGER line_recomputes AFTER INSERT ON bill_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION line_recomputes();

CREATE CONSTRAINT TRIGGER transaction_balances AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transaction_balances();

CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transaction_balances();

CREATE CONSTRAINT TRIGGER settlement_is_exact AFTER INSERT ON settlements
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_is_exact();

-- Also for sessions that switch ordinary triggers off (session_replication_role).
DO $$
DECLARE
    law record;
BEGIN
    FOR law IN SELECT tgrelid::regclass AS tbl, tgname FROM pg_trigger
               WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY (ARRAY['tariff_versions', 'accounts', 'bills',
                     'bill_lines', 'ledger_transactions', 'ledger_entries', 'settlements', 'cancellations']) LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', law.tbl, law.tgname);
    END LOOP;
END $$;
