package simulate

// action is what happened. The table actions says how it is told in a Segment message.
type action uint8

const (
	identify action = iota
	group
	pageView
	contentDownload
	formSubmission
	videoView
	search
	emailSent
	emailDelivered
	emailOpen
	emailClick
	emailUnsubscribe
	emailBounce
	chatMessage
	call
	meeting
	signUp
	login
	featureUse
	productView
	cartAdd
	checkoutStart
	purchase
	refund
	surveyResponse
	review
	referral
	socialImpression
	socialReaction
	socialShare
	socialFollow
	socialMention
	adImpression
	adClick
	supportTicket
	leadCreated
	leadQualified
	opportunityOpen
	opportunityWon
	opportunityLost
)

// actions gives the name under which tools send each action (Segment's semantic events where there is one) and its channel;
// an empty channel is the network of the message.
var actions = [...]struct{ event, channel string }{
	identify:         {"", "web"},
	group:            {"", "crm"},
	pageView:         {"", "web"},
	contentDownload:  {"Content Downloaded", "web"},
	formSubmission:   {"Form Submitted", "web"},
	videoView:        {"Video Playback Started", "web"},
	search:           {"Products Searched", "web"},
	emailSent:        {"Email Sent", "email"},
	emailDelivered:   {"Email Delivered", "email"},
	emailOpen:        {"Email Opened", "email"},
	emailClick:       {"Email Link Clicked", "email"},
	emailUnsubscribe: {"Unsubscribed", "email"},
	emailBounce:      {"Email Bounced", "email"},
	chatMessage:      {"Live Chat Message Sent", "chat"},
	call:             {"Call", "phone"},
	meeting:          {"Meeting", "crm"},
	signUp:           {"Signed Up", "web"},
	login:            {"Signed In", "app"},
	featureUse:       {"Feature Used", "app"},
	productView:      {"Product Viewed", "web"},
	cartAdd:          {"Product Added", "web"},
	checkoutStart:    {"Checkout Started", "web"},
	purchase:         {"Order Completed", "web"},
	refund:           {"Order Refunded", "web"},
	surveyResponse:   {"Survey Response", "survey"},
	review:           {"Product Reviewed", "web"},
	referral:         {"Invite Sent", "web"},
	socialImpression: {"Social Impression", ""},
	socialReaction:   {"Social Reaction", ""},
	socialShare:      {"Social Share", ""},
	socialFollow:     {"Social Follow", ""},
	socialMention:    {"Social Mention", ""},
	adImpression:     {"Ad Impression", "ads"},
	adClick:          {"Ad Click", "ads"},
	supportTicket:    {"Support Ticket", "support"},
	leadCreated:      {"Lead Created", "crm"},
	leadQualified:    {"Lead Qualified", "crm"},
	opportunityOpen:  {"Opportunity Open", "crm"},
	opportunityWon:   {"Opportunity Won", "crm"},
	opportunityLost:  {"Opportunity Lost", "crm"},
}

// campaigns by which a message can be marked.
type campaign uint8

const (
	noCampaign campaign = iota
	newsletter
	launch
	nurture
	cartReminder
	acquisition // the person's origin
)

// message is one thing that happened, told when its time comes.
type message struct {
	ts     int64 // milliseconds since 1970, UTC
	person *person
	seq    uint32
	do     action
	phone  bool // second device
	anon   bool // sent without user id: not known yet, or not on this device
	camp   campaign
	number int32 // of the campaign
	item   int32 // index into what the action is about: page, product, paper, network
	visit  uint32
	order  uint32
	cents  int64
	score  int32
}
