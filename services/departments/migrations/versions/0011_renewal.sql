-- 行政许可法 50: a permit that nobody decided upon before it expired counts as renewed.

-- End of the last day of the permit that is to be renewed; null: the task renews nothing.
ALTER TABLE task ADD COLUMN expires_at timestamptz;
ALTER TABLE task DROP CONSTRAINT task_silence_check;
ALTER TABLE task DROP CONSTRAINT task_silence_is_of_the_consulted;
-- The rows that are there are looked at by a statement of its own.
ALTER TABLE task
    ADD CONSTRAINT task_silence_check CHECK (silence IN ('none', 'no_objection', 'renewed'))
        NOT VALID,
    ADD CONSTRAINT task_silence_of_part CHECK (silence = 'none'
        OR silence = CASE part WHEN 'consult' THEN 'no_objection' ELSE 'renewed' END) NOT VALID,
    ADD CONSTRAINT task_renewal_has_an_end
        CHECK ((silence = 'renewed') = (expires_at IS NOT NULL)) NOT VALID;

-- Silence is no grant: it prolongs a permit that there is, and the renewal has a number of its own.
ALTER TABLE outcome DROP CONSTRAINT outcome_grant_has_number;
ALTER TABLE outcome DROP CONSTRAINT outcome_of_kind;
ALTER TABLE outcome
    ADD CONSTRAINT outcome_grant_has_number CHECK (
        (outcome IN ('granted', 'deemed_renewed')) = (result_number IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT outcome_of_kind CHECK (outcome IN ('granted', 'refused', 'deemed_renewed',
            'no_objection', 'objection', 'deemed_no_objection')
        AND kind = CASE outcome
            WHEN 'granted' THEN 'decision'
            WHEN 'refused' THEN 'decision'
            WHEN 'deemed_renewed' THEN 'lapse'
            WHEN 'deemed_no_objection' THEN 'lapse'
            ELSE 'opinion' END) NOT VALID;

CREATE INDEX task_silent_by_end ON task (coalesce(expires_at, promised_at), id)
    WHERE state = 'open' AND silence <> 'none';
DROP INDEX task_silent;

ALTER TABLE task VALIDATE CONSTRAINT task_silence_check;
ALTER TABLE task VALIDATE CONSTRAINT task_silence_of_part;
ALTER TABLE task VALIDATE CONSTRAINT task_renewal_has_an_end;
ALTER TABLE outcome VALIDATE CONSTRAINT outcome_grant_has_number;
ALTER TABLE outcome VALIDATE CONSTRAINT outcome_of_kind;
