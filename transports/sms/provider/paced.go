package provider

// A Paced provider is one whose numbers send at a rate of their own.
type Paced interface {
	// Rate is how many parts a number may send a second; 0: any number. It
	// never blocks.
	Rate(number string) float64
}
