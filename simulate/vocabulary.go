package simulate

// place is where somebody lives, and with it their language, money and clock.
type place struct {
	country, locale, currency string
	zone                      int64 // hours from UTC
}

var (
	places = []place{
		{"IT", "it-IT", "EUR", 1}, {"DE", "de-DE", "EUR", 1}, {"FR", "fr-FR", "EUR", 1}, {"GB", "en-GB", "GBP", 0},
		{"US", "en-US", "USD", -5}, {"ES", "es-ES", "EUR", 1}, {"NL", "nl-NL", "EUR", 1},
	}
	placeWeights = []float64{24, 20, 14, 12, 18, 7, 5}
)

// origin is how somebody finds the site.
type origin struct {
	name                     string
	referrer, source, medium string
	ad                       bool
	network                  string // channel of the social network or of the ad
}

var (
	origins = []origin{
		{name: "search", referrer: "https://www.google.com/"},
		{name: "direct"},
		{name: "search ad", referrer: "https://www.google.com/", source: "google", medium: "cpc", ad: true, network: "ads"},
		{name: "social ad", referrer: "https://www.facebook.com/", source: "facebook", medium: "paid_social", ad: true, network: "ads"},
		{name: "linkedin", referrer: "https://www.linkedin.com/", source: "linkedin", medium: "social", network: "social.linkedin"},
		{name: "instagram", referrer: "https://www.instagram.com/", source: "instagram", medium: "social", network: "social.instagram"},
		{name: "partner", referrer: "https://partner.example.net/", source: "partner", medium: "referral"},
	}
	originWeights = []float64{30, 18, 16, 12, 10, 9, 5}
	networks      = []string{"social.linkedin", "social.instagram", "social.facebook"}
)

var (
	// pages of the site and how often each segment lands on them; one weight per segment, in order.
	pages = []struct{ path, title string }{
		{"/", "Home"}, {"/pricing", "Pricing"}, {"/products", "Products"}, {"/blog/warehouse-basics", "Warehouse basics"},
		{"/blog/engagement-scoring", "Engagement scoring"}, {"/whitepapers", "Whitepapers"}, {"/docs", "Documentation"},
		{"/case-studies", "Case studies"}, {"/about", "About us"}, {"/contact", "Contact"}, {"/demo", "Book a demo"},
	}
	pageWeights = [][]float64{
		{40, 5, 12, 16, 10, 3, 3, 4, 8, 2, 1},
		{12, 8, 8, 16, 18, 12, 16, 8, 4, 2, 1},
		{14, 12, 34, 6, 6, 3, 8, 6, 2, 2, 1},
		{12, 4, 26, 16, 16, 5, 12, 6, 2, 1, 1},
		{18, 10, 30, 8, 8, 4, 8, 5, 2, 2, 1},
	}

	// What can be downloaded: whitepapers first, then what else there is, a demo last.
	contents = []string{"customer-engagement-guide", "first-party-data-whitepaper", "measuring-marketing-whitepaper", "lead-scoring-guide",
		"retention-playbook", "brochure", "price-list", "demo-dataset"}
	contentWeights = []float64{18, 16, 14, 14, 12, 14, 9, 3}
	videos         = []string{"product-tour", "customer-story", "webinar-scoring"}
	searches       = []string{"pricing", "integration", "api", "whitepaper", "refund", "demo", "gdpr"}

	products = []struct {
		id, name string
		cents    int64
	}{
		{"starter", "Starter kit", 2900}, {"team", "Team licence", 9900}, {"sensor", "Counter sensor", 14900},
		{"training", "Training day", 49000}, {"book", "Field guide", 3900}, {"mug", "Mug", 1400},
		{"hoodie", "Hoodie", 4900}, {"pro", "Pro licence", 29900},
	}
	productWeights = []float64{22, 14, 10, 4, 18, 16, 12, 4}

	firstNames = []string{"Ada", "Bruno", "Carla", "Dario", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Luca", "Marta", "Nils",
		"Olga", "Paolo", "Quentin", "Rosa", "Stefan", "Tilda", "Ugo", "Vera", "Walter", "Xenia", "Yara", "Zeno"}
	lastNames = []string{"Rossi", "Keller", "Moreau", "Bianchi", "Schmidt", "Garcia", "Smith", "Jansen", "Weber", "Conti", "Dubois", "Taylor",
		"Ferrari", "Fischer", "Laurent", "Brown", "Visser", "Romano", "Wagner", "Lopez"}
	companies = []string{"Nordwind", "Alpina", "Ferro", "Bluefield", "Casa Verde", "Helio", "Quarz", "Maris", "Tessera", "Orbit"}

	chatLines  = []string{"How does pricing work for ten people?", "Can I see a demo?", "Does it connect to our shop?", "Thanks, that helped.", "Where is my order?"}
	reviewGood = []string{"Does exactly what it says.", "Set up in an afternoon.", "Our team uses it every day."}
	reviewBad  = []string{"Took long to arrive.", "Missing an export I need."}

	userAgents = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 15_2) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
	}
	phoneAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1"
)
