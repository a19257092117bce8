package check

import (
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

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
	NoInputs        = "E0210"

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

	NoGradient = "E0601" // told by passes

	DataMissing = "E0701" // these are told by dlc
	DataDamaged = "E0702"
	DataOutside = "E0703"

	NotFinite    = "E0801" // these are told of a run that is checked
	IndexOutside = "E0802"

	NoEdition = "W0201" // warnings
	Shadowed  = "W0202"
)

// Codes lists every code and what it means, in order.
func Codes() []diag.Code {
	return append(syntax.Codes(), []diag.Code{
		{Code: UnknownName, Meaning: "a name that nothing in scope has"},
		{Code: UnknownCallee, Meaning: "a layer or function that does not exist"},
		{Code: DuplicateName, Meaning: "two declarations, arguments or layers of one name"},
		{Code: UnknownArgument, Meaning: "an argument that the declaration does not have"},
		{Code: MissingArgument, Meaning: "an argument without default that was not given"},
		{Code: TooManyArgs, Meaning: "more arguments than the declaration has, or one given twice"},
		{Code: UnknownType, Meaning: "a type that does not exist"},
		{Code: BadTarget, Meaning: "an assignment or update of something that cannot take one"},
		{Code: BadEdition, Meaning: "an edition that this compiler does not know, or that does not stand first"},
		{Code: NoInputs, Meaning: "a model or layer that takes nothing"},
		{Code: InnerDims, Meaning: "the inner dims of `@` differ"},
		{Code: Broadcast, Meaning: "the shapes of an operator's operands do not broadcast"},
		{Code: ArgumentShape, Meaning: "an argument's type does not fit the declared one"},
		{Code: ResultShape, Meaning: "a value's type does not fit the declared result or binding"},
		{Code: NotWhole, Meaning: "dims that do not divide, or a number that must be whole"},
		{Code: SizeGone, Meaning: "a window or slice that leaves nothing of an axis"},
		{Code: DTypes, Meaning: "element types that do not join without loss"},
		{Code: WrongKind, Meaning: "a value of another kind than needed"},
		{Code: BadAxis, Meaning: "an axis that does not exist or is not the only one"},
		{Code: BadCondition, Meaning: "a condition that is not one bool"},
		{Code: AssertionFails, Meaning: "an assertion that does not hold"},
		{Code: RuleBroken, Meaning: "a primitive's rule that the operands break"},
		{Code: ConfigValue, Meaning: "a configuration value that its declaration does not allow"},
		{Code: UnknownDims, Meaning: "a parameter or state whose dims are not constants"},
		{Code: NoEffect, Meaning: "an expression without effect that is not the last of its block"},
		{Code: TooDeep, Meaning: "layers or functions that apply each other without end"},
		{Code: LossNotScalar, Meaning: "a loss that is not one number"},
		{Code: WantsLogits, Meaning: "probabilities given where logits are wanted"},
		{Code: Contract, Meaning: "a range of values that does not follow from the dataset's"},
		{Code: NotReached, Meaning: "a parameter that the loss does not depend on"},
		{Code: UnknownColumn, Meaning: "a column that the dataset does not have"},
		{Code: Setting, Meaning: "a setting of a train block that is unknown, missing or of the wrong kind"},
		{Code: Source, Meaning: "a dataset source that is unknown or whose arguments are wrong"},
		{Code: BadSplit, Meaning: "a split whose parts make no sense"},
		{Code: BadPromise, Meaning: "a promise that cannot be evaluated"},
		{Code: BadMetric, Meaning: "a metric that gives no number"},
		{Code: NoModel, Meaning: "a file that declares no model"},
		{Code: BadCallback, Meaning: "a callback that is unknown or whose arguments are wrong"},
		{Code: UnknownData, Meaning: "a column whose type only the data can tell, without the data"},
		{Code: DeclUnsupported, Meaning: "a kind of declaration that is not supported yet"},
		{Code: FormUnsupported, Meaning: "a statement or expression that is not supported yet"},
		{Code: DTypeUnsupported, Meaning: "an element type that is not supported yet"},
		{Code: DataUnsupported, Meaning: "a step of a dataset that is not supported yet"},
		{Code: NameUnsupported, Meaning: "a part of the library that is not supported yet"},
		{Code: NoGradient, Meaning: "an operation through which there is no gradient"},
		{Code: DataMissing, Meaning: "data that is not where it should be"},
		{Code: DataDamaged, Meaning: "data that cannot be read"},
		{Code: DataOutside, Meaning: "a value of the data that is outside its declared range"},
		{Code: NotFinite, Meaning: "a NaN or an infinity that reaches a result, where it first appears (`--check`)"},
		{Code: IndexOutside, Meaning: "an index outside of its axis, where it is used (`--check`)"},
		{Code: NoEdition, Meaning: "warning: a file that does not say which edition it is written in"},
		{Code: Shadowed, Meaning: "warning: a name that hides an input, a configuration name or a dim"},
	}...)
}
