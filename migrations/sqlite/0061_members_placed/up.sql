-- The memberships that were there say in which account they are.
UPDATE members SET account = (SELECT r.account FROM resources AS r WHERE r.seq = members.group_seq);
