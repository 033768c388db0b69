-- Which verifications compared everything, so that a service that starts knows whether it is time for the next such one.
ALTER TABLE verifications /*ON CLUSTER*/
    ADD COLUMN IF NOT EXISTS whole UInt8 COMMENT '1 when it compared every month there is'
