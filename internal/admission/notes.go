package admission

// commonNotes hold for every engine that looks at images by their names.
func commonNotes() []string {
	return []string{
		"An image that none of the names fits is let in unseen, as is one named in another way (capitals in the registry, its port): the policy of the kind validating-admission-policy refuses those.",
		"Of an image for several platforms the statements about the index are looked at; that every platform has its own is not.",
		"What was verified may be remembered for an hour, so that a revocation comes late.",
		"Images that are mounted as volumes are not looked at.",
	}
}
