-- The same laws as in ledger.sql, each looked at once for a transaction or a bill instead of once for each of its rows.
-- Books only grow, so a transaction that had exactly its entries when it was checked has the same ones as long as it
-- has no more of them; likewise a bill and its lines. So an entry or a line only has to ask how many there are.
-- Every question here is answered from a key (a transaction's number is its bill's and its kind): a plan made while
-- the books were empty would read them whole ever after.

CREATE OR REPLACE FUNCTION require_balanced(wanted text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    movement record;
    stated record;
    gains text;
    gives text;
BEGIN
    SELECT t.kind, t.bill_no, t.entry_count, t.booked_at, b.subject_code, b.total_fen, b.assessed_at INTO movement
    FROM ledger_transactions t JOIN bills b USING (bill_no) WHERE t.transaction_no = wanted;
    IF NOT FOUND THEN
        RETURN; -- the foreign keys refuse it
    END IF;
    gains := CASE movement.kind WHEN 'charge' THEN 'receivable' WHEN 'payment' THEN 'treasury' ELSE 'revenue' END;
    gives := CASE movement.kind WHEN 'charge' THEN 'revenue' ELSE 'receivable' END;
    SELECT count(*) AS entries, coalesce(sum(amount_fen), 0) AS fen, count(*) FILTER (WHERE
            (account_no = gains || '/' || movement.subject_code AND amount_fen = movement.total_fen)
            OR (account_no = gives || '/' || movement.subject_code AND amount_fen = -movement.total_fen)) AS meant
    INTO stated FROM ledger_entries WHERE transaction_no = wanted;
    IF stated.entries <> movement.entry_count THEN
        PERFORM refuse_unlawful('transaction_has_exactly_its_entries', wanted);
    END IF;
    IF stated.fen <> 0 THEN
        PERFORM refuse_unlawful('entries_of_a_transaction_sum_to_zero', wanted);
    END IF;
    IF stated.meant <> 2 THEN
        PERFORM refuse_unlawful('transaction_moves_the_bill_between_its_accounts', wanted);
    END IF;
    IF movement.booked_at < movement.assessed_at THEN
        PERFORM refuse_unlawful('nothing_is_booked_before_the_bill', wanted);
    END IF;
    IF movement.kind <> 'charge' AND NOT EXISTS (
            SELECT FROM ledger_transactions WHERE transaction_no = movement.bill_no || '/charge') THEN
        PERFORM refuse_unlawful('bill_is_charged_before_it_ends', wanted);
    END IF;
    IF movement.kind = 'payment' AND NOT EXISTS (SELECT FROM settlements WHERE bill_no = movement.bill_no) THEN
        PERFORM refuse_unlawful('payment_has_its_settlement', wanted);
    END IF;
    IF movement.kind = 'cancellation' AND NOT EXISTS (SELECT FROM cancellations WHERE bill_no = movement.bill_no) THEN
        PERFORM refuse_unlawful('cancellation_has_its_reason', wanted);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION require_lawful_bill(wanted text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    bill record;
    tariff record;
    stated record;
BEGIN
    SELECT tariff_code, tariff_version, accepted_on, subject_code, line_count, total_fen INTO bill
    FROM bills WHERE bill_no = wanted;
    SELECT version, charge_kind, subject_code, in_force_from, in_force_until, published_on INTO tariff
    FROM tariff_versions WHERE tariff_code = bill.tariff_code AND version = bill.tariff_version;
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
        SELECT FROM ledger_transactions WHERE transaction_no = wanted || '/charge') THEN
        PERFORM refuse_unlawful('bill_above_zero_is_booked', wanted);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION transaction_balances() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF TG_TABLE_NAME = 'ledger_transactions' THEN
        PERFORM require_balanced(NEW.transaction_no);
    ELSIF (SELECT count(*) FROM ledger_entries WHERE transaction_no = NEW.transaction_no)
          <> (SELECT entry_count FROM ledger_transactions WHERE transaction_no = NEW.transaction_no) THEN
        PERFORM refuse_unlawful('transaction_has_exactly_its_entries', NEW.transaction_no);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION bill_is_lawful() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF TG_TABLE_NAME = 'bills' THEN
        PERFORM require_lawful_bill(NEW.bill_no);
    ELSIF (SELECT count(*) FROM bill_lines WHERE bill_no = NEW.bill_no)
          <> (SELECT line_count FROM bills WHERE bill_no = NEW.bill_no) THEN
        PERFORM refuse_unlawful('bill_has_exactly_its_lines', NEW.bill_no);
    END IF;
    RETURN NULL;
END $$;

ALTER FUNCTION settlement_is_exact() SET enable_seqscan = off;
