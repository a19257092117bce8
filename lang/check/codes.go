package check

// The codes of the diagnostics of names, types, training and support. A code keeps its meaning
// for ever; Codes explains each.
const (
	UnknownName     = "E0201"
	UnknownCallee   = "E0202"
	DuplicateName   = "E0203"
	UnknownArgument = "E0204"
	MissingArgument = "E0205"
	TooManyArgs     = "E0206"
	UnknownType     = "E0207"
	BadTarget       = "E0208"
	BadEdition      = "E0209"

	InnerDims      = "E0301"
	Broadcast      = "E0302"
	ArgumentShape  = "E0303"
	ResultShape    = "E0304"
	NotWhole       = "E0305"
	SizeGone       = "E0306"
	DTypes         = "E0307"
	WrongKind      = "E0308"
	BadAxis        = "E0309"
	BadCondition   = "E0310"
	AssertionFails = "E0311"
	RuleBroken     = "E0312"
	ConfigValue    = "E0313"
	UnknownDims    = "E0314"
	NoEffect       = "E0315"
	TooDeep        = "E0316"

	LossNotScalar = "E0401"
	WantsLogits   = "E0402"
	Contract      = "E0403"
	NotReached    = "E0404"
	UnknownColumn = "E0405"
	Setting       = "E0406"
	Source        = "E0407"
	BadSplit      = "E0408"
	BadPromise    = "E0409"
	BadMetric     = "E0410"
	NoModel       = "E0411"
	BadCallback   = "E0412"
	UnknownData   = "E0413"

	DeclUnsupported  = "E0501"
	FormUnsupported  = "E0502"
	DTypeUnsupported = "E0503"
	DataUnsupported  = "E0504"
	NameUnsupported  = "E0505"
)

// A Code is a diagnostic's code and what it means.
type Code struct{ Code, Meaning string }

// Codes lists every code of this package and of lang/build, in order.
func Codes() []Code {
	return []Code{
		{UnknownName, "a name that nothing in scope has"},
		{UnknownCallee, "a layer or function that does not exist"},
		{DuplicateName, "two declarations, arguments or layers of one name"},
		{UnknownArgument, "an argument that the declaration does not have"},
		{MissingArgument, "an argument without default that was not given"},
		{TooManyArgs, "more arguments than the declaration has, or one given twice"},
		{UnknownType, "a type that does not exist"},
		{BadTarget, "an assignment or update of something that cannot take one"},
		{BadEdition, "an edition that this compiler does not know"},
		{InnerDims, "the inner dims of `@` differ"},
		{Broadcast, "the shapes of an operator's operands do not broadcast"},
		{ArgumentShape, "an argument's type does not fit the declared one"},
		{ResultShape, "a value's type does not fit the declared result or binding"},
		{NotWhole, "dims that do not divide, or a number that must be whole"},
		{SizeGone, "a window or slice that leaves nothing of an axis"},
		{DTypes, "element types that do not join without loss"},
		{WrongKind, "a value of another kind than needed"},
		{BadAxis, "an axis that does not exist or is not the only one"},
		{BadCondition, "a condition that is not a bool known while compiling"},
		{AssertionFails, "an assertion that does not hold"},
		{RuleBroken, "a primitive's rule that the operands break"},
		{ConfigValue, "a configuration value that its declaration does not allow"},
		{UnknownDims, "a parameter or state whose dims are not constants"},
		{NoEffect, "an expression without effect that is not the last of its block"},
		{TooDeep, "layers or functions that apply each other without end"},
		{LossNotScalar, "a loss that is not one number"},
		{WantsLogits, "probabilities given where logits are wanted"},
		{Contract, "a range of values that does not follow from the dataset's"},
		{NotReached, "a parameter that the loss does not depend on"},
		{UnknownColumn, "a column that the dataset does not have"},
		{Setting, "a setting of a train block that is unknown, missing or of the wrong kind"},
		{Source, "a dataset source that is unknown or whose arguments are wrong"},
		{BadSplit, "a split whose parts make no sense"},
		{BadPromise, "a promise that cannot be evaluated"},
		{BadMetric, "a metric that gives no number"},
		{NoModel, "a file that declares no model"},
		{BadCallback, "a callback that is unknown or whose arguments are wrong"},
		{UnknownData, "a column whose type only the data can tell, without the data"},
		{DeclUnsupported, "a kind of declaration that is not supported yet"},
		{FormUnsupported, "a statement or expression that is not supported yet"},
		{DTypeUnsupported, "an element type that is not supported yet"},
		{DataUnsupported, "a step of a dataset that is not supported yet"},
		{NameUnsupported, "a part of the library that is not supported yet"},
	}
}
