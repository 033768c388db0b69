package segment

// A slot is a field of `properties` or `context` that may move into a column of its own. While a message is read each
// slot remembers the node that came for it; what no column takes goes to the properties with the rest.
type slot uint8

// Slots of properties (page, screen and track).
const (
	propURL slot = iota
	propPath
	propReferrer
	propUTMSource
	propUTMMedium
	propUTMCampaign
	propUTMTerm
	propUTMContent
	propContentID
	propContentIDCamel
	propAssetID
	propProductID
	propProductIDCamel
	propVideoID
	propContentAssetID
	propArticleID
	propOrderID
	propOrderIDCamel
	propTransactionID
	propRevenue
	propValue
	propTotal
	propAmount
	propPrice
	propCurrency
	propScore
	propRating
	propNPS
	propNPSScore
	propCSAT
	propText
	propComment
	propMessage
	propFeedback
	propReviewBody
	propQuery
	propSearchQuery
	propSearchTerm
	propSentiment
	propSessionID
	propSessionIDCamel
	propAccountID
	propAccountIDCamel
	propKind
	propChannel
	propName
	noSlot
)

func propertySlot(key string) slot {
	switch key {
	case "url":
		return propURL
	case "path":
		return propPath
	case "referrer":
		return propReferrer
	case "utm_source":
		return propUTMSource
	case "utm_medium":
		return propUTMMedium
	case "utm_campaign":
		return propUTMCampaign
	case "utm_term":
		return propUTMTerm
	case "utm_content":
		return propUTMContent
	case "content_id":
		return propContentID
	case "contentId":
		return propContentIDCamel
	case "asset_id":
		return propAssetID
	case "product_id":
		return propProductID
	case "productId":
		return propProductIDCamel
	case "video_id":
		return propVideoID
	case "content_asset_id":
		return propContentAssetID
	case "article_id":
		return propArticleID
	case "order_id":
		return propOrderID
	case "orderId":
		return propOrderIDCamel
	case "transaction_id":
		return propTransactionID
	case "revenue":
		return propRevenue
	case "value":
		return propValue
	case "total":
		return propTotal
	case "amount":
		return propAmount
	case "price":
		return propPrice
	case "currency":
		return propCurrency
	case "score":
		return propScore
	case "rating":
		return propRating
	case "nps":
		return propNPS
	case "nps_score":
		return propNPSScore
	case "csat":
		return propCSAT
	case "text":
		return propText
	case "comment":
		return propComment
	case "message":
		return propMessage
	case "feedback":
		return propFeedback
	case "review_body":
		return propReviewBody
	case "query":
		return propQuery
	case "search_query":
		return propSearchQuery
	case "search_term":
		return propSearchTerm
	case "sentiment":
		return propSentiment
	case "session_id":
		return propSessionID
	case "sessionId":
		return propSessionIDCamel
	case "account_id":
		return propAccountID
	case "accountId":
		return propAccountIDCamel
	case "kind":
		return propKind
	case "channel":
		return propChannel
	case "name":
		return propName
	}
	return noSlot
}

// Slots of context.
const (
	ctxURL slot = iota
	ctxPath
	ctxReferrer
	ctxUTMSource
	ctxUTMMedium
	ctxUTMCampaign
	ctxUTMTerm
	ctxUTMContent
	ctxIP
	ctxUserAgent
	ctxLocale
	ctxChannel
	ctxSessionID
	ctxSessionIDSnake
	ctxGroupID
	ctxCountry
	ctxLocationCountry
)

func contextSlot(key string) slot {
	switch key {
	case "ip":
		return ctxIP
	case "userAgent":
		return ctxUserAgent
	case "locale":
		return ctxLocale
	case "channel":
		return ctxChannel
	case "sessionId":
		return ctxSessionID
	case "session_id":
		return ctxSessionIDSnake
	case "groupId":
		return ctxGroupID
	case "country":
		return ctxCountry
	}
	return noSlot
}

func pageSlot(key string) slot {
	switch key {
	case "url":
		return ctxURL
	case "path":
		return ctxPath
	case "referrer":
		return ctxReferrer
	}
	return noSlot
}

func campaignSlot(key string) slot {
	switch key {
	case "source":
		return ctxUTMSource
	case "medium":
		return ctxUTMMedium
	case "name":
		return ctxUTMCampaign
	case "term":
		return ctxUTMTerm
	case "content":
		return ctxUTMContent
	}
	return noSlot
}

func locationSlot(key string) slot {
	if key == "country" {
		return ctxLocationCountry
	}
	return noSlot
}

// candidates are the nodes that came for each slot of one object. What is still there when the columns are filled goes to
// the properties.
type candidates struct {
	nodes [noSlot]int32
	have  uint64
}

func (c *candidates) set(at slot, node int32) {
	c.nodes[at] = node
	c.have |= 1 << at
}

// get returns the node that came for a slot, 0 when none did.
func (c *candidates) get(at slot) int32 {
	if c.have&(1<<at) == 0 {
		return 0
	}
	return c.nodes[at]
}

// done says that a column holds what the slot held.
func (c *candidates) done(at slot) { c.have &^= 1 << at }

// from is a slot of properties or of context.
type from struct {
	context bool
	slot    slot
}

func (s *state) candidates(f from) *candidates {
	if f.context {
		return &s.ctx
	}
	return &s.props
}

// fieldOf is what the sender calls the field that came for a slot.
func (s *state) fieldOf(f from) string {
	key := s.key(s.candidates(f).nodes[f.slot])
	if f.context {
		return contextParent(f.slot) + key
	}
	return "properties." + key
}

// contextParent is the path of the object that holds a slot of context.
func contextParent(at slot) string {
	switch {
	case at <= ctxReferrer:
		return "context.page."
	case at <= ctxUTMContent:
		return "context.campaign."
	case at == ctxLocationCountry:
		return "context.location."
	}
	return contextPrefix
}
