-- What an earlier replay wrote for these days.
ALTER TABLE tier_observations
DELETE WHERE replayed AND at >= {from:DateTime64(3, 'UTC')} AND at < {to:DateTime64(3, 'UTC')}
SETTINGS mutations_sync = 2
