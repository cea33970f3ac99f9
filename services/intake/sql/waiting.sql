-- What may wait for an investor. `waiting_store.py` has one function for each.

-- name: may_wait(numbers, owner, now)
-- In one round trip for a page of applications: rather too much than too little is told.
select a.number, a.plan_digest, a.submitted_at, c.state as acceptance, c.accepted_on,
    coalesce(c.state = 'supplementing', false) or exists (
        select from rectification as r
        where r.application = a.number and r.answered_at is null and r.closed_at is null
    ) or exists (
        select from papers_awaited as p where p.application = a.number
    ) as answers,
    exists (
        select from joint_session as s
        where s.application = a.number and s.state = 'convened' and s.ends_at > :now::timestamptz
    ) as session,
    b.lines is null or exists (
        select from jsonb_array_elements(b.lines) as l (line)
        where not exists (
            select from fee_settlement as f
            where f.application = a.number and f.kind = 'payment'
                and f.line = l.line ->> 'standard'
        )
    ) as bill,
    array(select m.material from material as m where m.application = a.number) as materials
from application as a
left join acceptance as c on c.application = a.number
left join bill as b on b.application = a.number
where a.number = any (:numbers::text[]) and a.owner_ref = :owner::text;
