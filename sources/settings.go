package sources

// Problem is one thing wrong with a source's settings. Adapters return all of them at
// once, so that an administrator corrects a file in one go.
type Problem struct {
	// Key is the path of the setting below the source, with dots: "auth.client_id".
	Key string
	// Message says what is wrong and what would be right, without the key and
	// without any secret.
	Message string
}
