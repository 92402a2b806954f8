"""What a case is and which moves the law allows it; pure, from record to record, without time or wire.

Reading order: `records` (the case), `reviews` (a department's part), `items` (what was published),
`filing`, `notice`, `acceptance`, `plan`, `opinions`, `fan_in` (what can move now), `outcome` (permit,
refusal, delivery), `withdrawal`, `waiting` (still open and why); what they share is in `clocks`,
`remedies`, `voucher` and `files`.
"""
