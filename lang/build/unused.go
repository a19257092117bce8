package build

// unusedBodies checks the layers and functions that nothing applied.
func (e *elaborator) unusedBodies() {}
