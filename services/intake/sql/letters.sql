-- Letters to investors. `letters_store.py` has one function for each.

-- name: add_letters(applications, kinds, sources, places, facts, ats, moved)!
-- A letter is written once, however often its event comes; before what it tells of is projected.
-- There is no bill without a fee in force, a promise that is told again has not changed, and
-- nobody is told that a session was not moved who had not asked for that.
insert into letter (application, owner_ref, kind, source, place, facts, at)
select l.application, a.owner_ref, l.kind, l.source, l.place, l.facts::jsonb, l.at
from unnest(
    :applications::text[], :kinds::text[], :sources::uuid[], :places::smallint[], :facts::text[],
    :ats::timestamptz[], :moved::boolean[]
) with ordinality as l (application, kind, source, place, facts, at, moved, turn)
join application as a on a.number = l.application
where case l.kind
    when 'bill' then exists (
        select from plan as p
        cross join lateral jsonb_array_elements(convert_from(p.body, 'UTF8')::jsonb -> 'fees')
            as f (fee)
        where p.digest = a.plan_digest and (f.fee ->> 'in_force')::boolean
    )
    when 'date_changed' then l.moved
        or (l.facts::jsonb ->> 'promised_at')::timestamptz is distinct from a.promised_at
    when 'session_unmoved' then exists (
        select from appointment_answer as w
        where w.application = l.application and w.lead = l.facts::jsonb ->> 'department'
            and w.session = (l.facts::jsonb ->> 'session')::bigint
            and w.offer = (l.facts::jsonb ->> 'offer')::integer and w.starts_at is not null
    )
    else true
end
order by l.turn
on conflict (source, place) do nothing;

-- name: letters_of(owner, before_at, before_id, unread, limit)
select l.id, l.application, l.kind, l.facts, l.at, l.read_at, a.project_name, a.plan_digest
from letter as l
join application as a on a.number = l.application
where l.owner_ref = :owner::text
    and (l.at, l.id) < (:before_at::timestamptz, :before_id::bigint)
    and (not :unread::boolean or l.read_at is null)
order by l.at desc, l.id desc
limit :limit::integer;

-- name: count_unread(owner)$
select count(*) from letter where owner_ref = :owner::text and read_at is null;

-- name: mark_read(owner, id, at)^
-- Returns nothing for what is not the owner's.
update letter set read_at = coalesce(read_at, :at::timestamptz)
where id = :id::bigint and owner_ref = :owner::text
returning application, kind;

-- name: mark_all_read(owner, up_to, at)!
-- Those up to the newest that was shown: what has come since stays unread.
update letter set read_at = :at::timestamptz
where owner_ref = :owner::text and id <= :up_to::bigint and read_at is null;

-- Sending

-- name: queue_letters(channels, since)!
-- Letters that have come since the last look; one that was queued is not looked at again.
with fresh as (
    update letter set queued = true
    where not queued and written_at > :since::timestamptz
    returning id
)
insert into letter_sending (letter, channel, attempts, next_attempt_at)
select f.id, c.channel, 0, now()
from fresh as f
cross join unnest(:channels::text[]) as c (channel)
on conflict (letter, channel) do nothing;

-- name: claim_letters(channels, since, lease, limit)
-- What is to be sent now; it is asked for again when the lease is over and nothing was noted.
-- What has become too old meanwhile is over, also of a channel that there is no more.
with due as (
    select s.letter, s.channel, l.written_at <= :since::timestamptz as is_old
    from letter_sending as s
    join letter as l on l.id = s.letter
    where s.ended_at is null and s.next_attempt_at <= now()
        and (s.channel = any (:channels::text[]) or l.written_at <= :since::timestamptz)
    order by s.next_attempt_at, s.letter
    limit :limit::integer
    for update of s skip locked
), claimed as (
    update letter_sending as s
    set attempts = s.attempts + 1, next_attempt_at = :lease::timestamptz,
        ended_at = case when d.is_old then now() end
    from due as d
    where s.letter = d.letter and s.channel = d.channel
    returning s.letter, s.channel, s.attempts, d.is_old
)
select c.letter, c.channel, c.attempts, l.application, l.kind, l.facts, l.at, l.read_at, l.id,
    a.project_name, a.plan_digest, p.phone, p.email
from claimed as c
join letter as l on l.id = c.letter
join application as a on a.number = l.application
join lateral (
    select p.phone, p.email from party as p
    where p.application = l.application
    order by p.capacity = 'agent' desc
    limit 1
) as p on true
where not c.is_old
order by c.letter, c.channel;

-- name: end_sending(letter, channel)!
update letter_sending set ended_at = now()
where letter = :letter::bigint and channel = :channel::text;

-- name: send_again(letter, channel, at)!
update letter_sending set next_attempt_at = :at::timestamptz
where letter = :letter::bigint and channel = :channel::text;
