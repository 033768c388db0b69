-- Everything in the queue up to here has been evaluated.
INSERT INTO tier_progress (name, version, block, at)
VALUES ('touched', {version:UInt64}, {block:UInt64}, {at:DateTime64(3, 'UTC')})
