package event

import "slices"

// Kinds are what an event can be, whatever its sender called it, grouped as a customer moves. `custom` is everything else.
// identify, group and alias say who somebody is; they are no engagement and no rollup counts them.
var Kinds = []string{
	"page_view", "content_download", "form_submission", "video_view", "search",
	"email_sent", "email_delivered", "email_open", "email_click", "email_unsubscribe", "email_bounce",
	"chat_message", "call", "meeting",
	"sign_up", "login", "feature_use",
	"product_view", "cart_add", "checkout_start", "purchase", "refund",
	"survey_response", "review", "referral",
	"social_impression", "social_reaction", "social_comment", "social_share", "social_follow", "social_mention",
	"ad_impression", "ad_click",
	"support_ticket", "lead_created", "lead_qualified", "opportunity_open", "opportunity_won", "opportunity_lost",
	"experiment_exposure", "custom",
	"identify", "group", "alias",
}

// KnownKind says whether kind is one of Kinds.
func KnownKind(kind string) bool { return slices.Contains(Kinds, kind) }

// Engagement says whether a kind is something that happened between somebody and us: not the three that say who somebody is.
func Engagement(kind string) bool { return kind != "identify" && kind != "group" && kind != "alias" }

// EngagementKinds are the Kinds that are.
func EngagementKinds() []string {
	return slices.DeleteFunc(slices.Clone(Kinds), func(kind string) bool { return !Engagement(kind) })
}
