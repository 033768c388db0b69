package segment

// DefaultRules are the names that Segment's specification gives to events, and those that common tools send, under our
// kinds. The names of the kinds themselves need no rule.
var DefaultRules = []Rule{
	// Web, content, search
	{"Page Viewed", "page_view"}, {"Viewed Page", "page_view"}, {"Viewed * Page", "page_view"}, {"$pageview", "page_view"},
	{"pageview", "page_view"}, {"Screen Viewed", "page_view"},
	{"Content Downloaded", "content_download"}, {"File Downloaded", "content_download"}, {"file_download", "content_download"},
	{"Whitepaper Downloaded", "content_download"}, {"Asset Downloaded", "content_download"}, {"Download", "content_download"},
	{"Ebook Downloaded", "content_download"}, {"PDF Downloaded", "content_download"}, {"Report Downloaded", "content_download"},
	{"Guide Downloaded", "content_download"}, {"Case Study Downloaded", "content_download"}, {"Brochure Downloaded", "content_download"},
	{"Form Submitted", "form_submission"}, {"Form Submit", "form_submission"}, {"* Form Submitted", "form_submission"},
	{"Submitted * Form", "form_submission"}, {"Contact Submitted", "form_submission"}, {"Demo Requested", "form_submission"},
	{"Video Playback Started", "video_view"}, {"Video Content Started", "video_view"}, {"Video Started", "video_view"},
	{"video_start", "video_view"}, {"Video Viewed", "video_view"}, {"Video Played", "video_view"},
	{"Products Searched", "search"}, {"Searched", "search"}, {"Site Searched", "search"}, {"view_search_results", "search"},
	{"Search Performed", "search"},

	// Email: Segment's specification, then the names of delivery services' webhooks
	{"Email Sent", "email_sent"}, {"Email Delivered", "email_delivered"}, {"Email Opened", "email_open"},
	{"Email Link Clicked", "email_click"}, {"Email Clicked", "email_click"}, {"Email Bounced", "email_bounce"},
	{"Email Unsubscribed", "email_unsubscribe"}, {"Unsubscribed", "email_unsubscribe"}, {"Email Marked as Spam", "email_unsubscribe"},
	{"Email Dropped", "email_bounce"},

	// Conversation
	{"Live Chat Message Sent", "chat_message"}, {"Live Chat Message Received", "chat_message"},
	{"Live Chat Conversation Started", "chat_message"}, {"Chat Message Sent", "chat_message"}, {"Chat Started", "chat_message"},
	{"Call Completed", "call"}, {"Call Received", "call"}, {"Phone Call", "call"}, {"Call Logged", "call"},
	{"Meeting Booked", "meeting"}, {"Meeting Scheduled", "meeting"}, {"Meeting Held", "meeting"}, {"Demo Scheduled", "meeting"},

	// Account
	{"Signed Up", "sign_up"}, {"Account Created", "sign_up"}, {"User Registered", "sign_up"}, {"Registered", "sign_up"},
	{"Trial Started", "sign_up"},
	{"Signed In", "login"}, {"Logged In", "login"}, {"User Signed In", "login"},
	{"Feature Used", "feature_use"}, {"Used Feature", "feature_use"},

	// Shop
	{"Product Viewed", "product_view"}, {"Product List Viewed", "product_view"}, {"Product Clicked", "product_view"},
	{"view_item", "product_view"}, {"Viewed Product", "product_view"},
	{"Product Added", "cart_add"}, {"Added Product", "cart_add"}, {"add_to_cart", "cart_add"}, {"Added to Cart", "cart_add"},
	{"Checkout Started", "checkout_start"}, {"begin_checkout", "checkout_start"}, {"Started Checkout", "checkout_start"},
	{"Order Completed", "purchase"}, {"Completed Order", "purchase"}, {"Order Placed", "purchase"}, {"Placed Order", "purchase"},
	{"Purchased", "purchase"},
	{"Order Refunded", "refund"}, {"Refunded Order", "refund"},

	// Voice of the customer
	{"Survey Response Submitted", "survey_response"}, {"Survey Responded", "survey_response"}, {"Survey Completed", "survey_response"},
	{"Survey Submitted", "survey_response"}, {"NPS Submitted", "survey_response"}, {"NPS Response", "survey_response"},
	{"CSAT Submitted", "survey_response"}, {"Feedback Submitted", "survey_response"},
	{"Product Reviewed", "review"}, {"Review Submitted", "review"},
	{"Invite Sent", "referral"}, {"Referral Sent", "referral"}, {"User Referred", "referral"},

	// Social and advertising
	{"Post Liked", "social_reaction"}, {"Post Reacted", "social_reaction"}, {"Post Commented", "social_comment"},
	{"Product Shared", "social_share"}, {"Cart Shared", "social_share"}, {"Post Shared", "social_share"},
	{"Shared", "social_share"}, {"Followed", "social_follow"}, {"Page Followed", "social_follow"},
	{"Mentioned", "social_mention"}, {"Brand Mentioned", "social_mention"},
	{"Ad Impression", "ad_impression"}, {"Ad Viewed", "ad_impression"}, {"Promotion Viewed", "ad_impression"},
	{"Ad Clicked", "ad_click"}, {"Promotion Clicked", "ad_click"},

	// Service and sales
	{"Ticket Created", "support_ticket"}, {"Ticket Opened", "support_ticket"}, {"Support Ticket Created", "support_ticket"},
	{"Lead Created", "lead_created"}, {"Lead Generated", "lead_created"}, {"generate_lead", "lead_created"},
	{"Lead Qualified", "lead_qualified"}, {"MQL Created", "lead_qualified"},
	{"Opportunity Created", "opportunity_open"}, {"Opportunity Opened", "opportunity_open"}, {"Deal Created", "opportunity_open"},
	{"Deal Won", "opportunity_won"}, {"Opportunity Closed Won", "opportunity_won"},
	{"Deal Lost", "opportunity_lost"}, {"Opportunity Closed Lost", "opportunity_lost"},

	// Experiments
	{"Experiment Viewed", "experiment_exposure"}, {"Experiment Exposure", "experiment_exposure"}, {"$exposure", "experiment_exposure"},
}
