package demo

// department is a part of a company: its share of the people, and what they are called.
type department struct {
	name       string
	percent    int
	head, lead string
	ladder     []string // titles from the first one up
}

func departments() []department {
	return []department{
		{"Engineering", 30, "Chief Technology Officer", "Engineering Manager", []string{"Software Engineer", "Senior Software Engineer", "Staff Engineer"}},
		{"Sales", 20, "Vice President Sales", "Sales Manager", []string{"Sales Representative", "Account Executive", "Senior Account Executive"}},
		{"Support", 16, "Head of Support", "Support Team Lead", []string{"Support Specialist", "Senior Support Specialist", "Support Engineer"}},
		{"Product", 9, "Chief Product Officer", "Group Product Manager", []string{"Product Designer", "Product Manager", "Senior Product Manager"}},
		{"Marketing", 8, "Chief Marketing Officer", "Marketing Manager", []string{"Marketing Specialist", "Content Strategist", "Brand Manager"}},
		{"Finance", 7, "Chief Financial Officer", "Finance Manager", []string{"Accountant", "Financial Analyst", "Controller"}},
		{"People", 6, "Chief People Officer", "People Partner Lead", []string{"Recruiter", "People Partner", "Senior People Partner"}},
		{"Legal", 2, "General Counsel", "Senior Counsel", []string{"Paralegal", "Compliance Officer", "Counsel"}},
	}
}

// office is where people work.
type office struct{ city, state, country, countryCode, areaCode string }

func offices() []office {
	return []office{
		{"Amsterdam", "Noord-Holland", "Netherlands", "NL", "+31 20"},
		{"Chicago", "Illinois", "United States", "US", "+1 312"},
		{"Dublin", "Leinster", "Ireland", "IE", "+353 1"},
		{"Lisbon", "Lisboa", "Portugal", "PT", "+351 21"},
		{"Toronto", "Ontario", "Canada", "CA", "+1 416"},
	}
}

// birds are names for projects.
func birds() []string {
	return []string{
		"Heron", "Kestrel", "Lapwing", "Osprey", "Puffin", "Dunlin", "Avocet", "Bittern", "Curlew", "Gannet",
		"Plover", "Siskin", "Teal", "Wagtail", "Wren", "Goldcrest", "Nuthatch", "Redstart", "Turnstone", "Whimbrel",
		"Merlin", "Fulmar", "Godwit", "Linnet", "Pipit", "Shrike", "Tern", "Twite", "Crake", "Dipper",
	}
}
