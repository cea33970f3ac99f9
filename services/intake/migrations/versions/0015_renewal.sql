-- 行政许可法 50: a permit that counts as renewed is in the public register like one that was renewed
-- by a decision (行政许可法 40), and stands in it as what it is.
DROP INDEX result_granted;
DROP INDEX result_granted_by_department;
DROP INDEX result_granted_by_item;
CREATE INDEX result_granted ON result (released_at DESC, application DESC, item DESC)
    WHERE outcome IN ('granted', 'deemed_renewed');
CREATE INDEX result_granted_by_department
    ON result (department, released_at DESC, application DESC, item DESC)
    WHERE outcome IN ('granted', 'deemed_renewed');
CREATE INDEX result_granted_by_item ON result (item, released_at DESC, application DESC)
    WHERE outcome IN ('granted', 'deemed_renewed');
