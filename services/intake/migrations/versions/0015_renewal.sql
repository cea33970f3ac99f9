-- 行政许可法 50: a permit that counts as renewed is in the public register like one that was renewed
-- by a decision (行政许可法 40), and stands in it as what it is. The new indexes are there before the
-- old ones go, so that the register is never read without one.
CREATE INDEX result_registered ON result (released_at DESC, application DESC, item DESC)
    WHERE outcome IN ('granted', 'deemed_renewed');
CREATE INDEX result_registered_by_department
    ON result (department, released_at DESC, application DESC, item DESC)
    WHERE outcome IN ('granted', 'deemed_renewed');
CREATE INDEX result_registered_by_item ON result (item, released_at DESC, application DESC)
    WHERE outcome IN ('granted', 'deemed_renewed');
DROP INDEX result_granted;
DROP INDEX result_granted_by_department;
DROP INDEX result_granted_by_item;
