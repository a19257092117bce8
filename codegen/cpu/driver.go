package cpu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// driverText writes one driver function per entry, and what they share. Names of drivers are
// numbers, since an entry may be called anything.
func (u *unit) driverText(entries []*program.Entry) string {
	var b strings.Builder
	if len(entries) > 0 {
		b.WriteString(teamText(slices.ContainsFunc(entries, func(e *program.Entry) bool {
			return slices.ContainsFunc(e.Steps, func(l program.Launch) bool { return l.In != nil })
		})))
	}
	for i, e := range entries {
		name := "driver." + strconv.Itoa(i)
		u.drivers[e.Name] = name
		d := &driver{entry: e, name: name}
		b.WriteString(d.function())
		for j, s := range e.Steps {
			b.WriteString(d.table(j, s))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// A driver writes the function that runs an entry: for each launch it computes the number of
// blocks and calls @launch with a constant table that says what to call with what.
type driver struct {
	entry *program.Entry
	name  string
	b     strings.Builder
	last  int

	regions int
}

// table is: kernel, number of arguments, number of symbols, arguments ..., symbols ...
func (d *driver) table(step int, l program.Launch) string {
	list := []int{l.Kernel, len(l.Args), len(l.Symbols)}
	list = append(append(list, l.Args...), l.Symbols...)
	text := make([]string, len(list))
	for i, v := range list {
		text[i] = "i32 " + strconv.Itoa(v)
	}
	return fmt.Sprintf("@%s.%d = private unnamed_addr constant [%d x i32] [%s], align 4\n", d.name, step, len(list), strings.Join(text, ", "))
}

func (d *driver) function() string {
	fmt.Fprintf(&d.b, "define void @%s(ptr %%worker) #0 {\nentry:\n  %%frame = load ptr, ptr %%worker, align 8\n", d.name)
	fmt.Fprintf(&d.b, "  %%symbols.at = getelementptr i8, ptr %%frame, i64 %d\n  %%symbols = load ptr, ptr %%symbols.at, align 8\n", program.FrameSymbols)
	for i := range d.entry.Symbols {
		fmt.Fprintf(&d.b, "  %%n%d.at = getelementptr i64, ptr %%symbols, i64 %d\n  %%n%d = load i64, ptr %%n%d.at, align 8\n", i, i, i, i)
	}
	d.b.WriteString("  br label %s0\ns0:\n")
	d.stretch(program.Stretch{To: len(d.entry.Steps)}, "s0", "end")
	d.b.WriteString("end:\n  ret void\n}\n\n")
	return d.b.String()
}

// stretch writes the launches of a stretch in the block that label has begun, and goes on to the
// label next.
func (d *driver) stretch(in program.Stretch, label, next string) {
	parts := d.entry.Stretches(in)
	for i := 0; i < len(parts); i++ {
		part := parts[i]
		for part.In == in.In && i+1 < len(parts) && parts[i+1].In == in.In && d.together(part.From, parts[i+1].From) {
			i++
			part.To = parts[i].To
		}
		behind := next
		if part.To < in.To {
			behind = "s" + itoa(part.To)
		}
		switch r := d.entry.Steps[part.From].Repeat; {
		case part.In != in.In:
			d.region(part, behind)
		case r != nil:
			d.repeat(r, part, label, behind)
		default:
			d.launch(part.From, "0", behind)
		}
		if part.To < in.To {
			label = behind
			d.b.WriteString(label + ":\n")
		}
	}
	if len(parts) == 0 {
		d.b.WriteString("  br label %" + next + "\n")
	}
}

// together reports whether two launches stand in one recurrence.
func (d *driver) together(a, b int) bool {
	return d.entry.Steps[a].Repeat != nil && d.entry.Steps[a].Repeat == d.entry.Steps[b].Repeat
}

// region writes the launches of a region behind a look at its condition.
func (d *driver) region(part program.Stretch, next string) {
	d.regions++
	look, body := fmt.Sprintf("look%d", d.regions), fmt.Sprintf("in%d", d.regions)
	fmt.Fprintf(&d.b, "  br label %%%s\n%s:\n", look, look)
	holds := d.set("call i1 @holds(ptr %%worker, ptr %%frame, i64 %d)", part.In.Cond)
	yes, no, again := body, next, next
	if part.In.Not {
		yes, no = no, yes
	}
	if part.In.Loop {
		again = look
	}
	fmt.Fprintf(&d.b, "  br i1 %s, label %%%s, label %%%s\n%s:\n", holds, yes, no, body)
	d.stretch(part, body, again)
}

// launch calls step i, at a position of its recurrence, and goes on to the label next.
func (d *driver) launch(i int, position, next string) {
	blocks := d.dim(d.entry.Steps[i].Blocks)
	before, all, more := d.team(i)
	skipped := "0"
	if r := d.entry.Steps[i].Row; r != nil {
		skipped = d.set("mul i64 %s, %s", d.number(r.Buffer), blocks)
	}
	fmt.Fprintf(&d.b, "  %%c%d = call i1 @launch(ptr %%worker, ptr %%frame, i64 %s, i64 %s, i64 %s, i64 %s, i1 %t, ptr @%s.%d, i64 %s)\n",
		i, blocks, skipped, d.dim(before), d.dim(all), more, d.name, i, position)
	fmt.Fprintf(&d.b, "  br i1 %%c%d, label %%end, label %%%s\n", i, next)
}

// number reads a buffer of one i64.
func (d *driver) number(buffer int) string {
	buffers := d.set("load ptr, ptr %s, align 8", d.set("getelementptr i8, ptr %%frame, i64 %d", program.FrameBuffers))
	at := d.set("load ptr, ptr %s, align 8", d.set("getelementptr i64, ptr %s, i64 %d", buffers, buffer))
	return d.set("load i64, ptr %s, align 8", at)
}

// team returns how many blocks the launches of step i's team before it have, how many all of them
// have, and whether more of them follow.
func (d *driver) team(i int) (before, all tensor.Dim, more bool) {
	steps := d.entry.Steps
	all = steps[i].Blocks
	if steps[i].Team == nil {
		return before, all, false
	}
	for j := i - 1; j >= 0 && steps[j].Team == steps[i].Team; j-- {
		before = before.Add(steps[j].Blocks)
	}
	all = all.Add(before)
	for j := i + 1; j < len(steps) && steps[j].Team == steps[i].Team; j++ {
		all, more = all.Add(steps[j].Blocks), true
	}
	return before, all, more
}

// repeat makes the loop over launches that are repeated together, in the block that label has begun.
func (d *driver) repeat(r *program.Repeat, part program.Stretch, label, next string) {
	first, last := part.From, part.To-1
	turns := d.dim(r.Turns)
	fmt.Fprintf(&d.b, "  %%some%d = icmp sgt i64 %s, 0\n  br i1 %%some%d, label %%turn%d, label %%%s\n", first, turns, first, first, next)
	fmt.Fprintf(&d.b, "turn%d:\n  %%i%d = phi i64 [ 0, %%%s ], [ %%i%d.next, %%again%d ]\n", first, first, label, first, first)
	position := fmt.Sprintf("%%i%d", first)
	if r.Reversed {
		position = d.set("sub i64 %s, %s", d.set("sub i64 %s, 1", turns), position)
	}
	for i := first; i < last; i++ {
		d.launch(i, position, fmt.Sprintf("s%d", i+1))
		fmt.Fprintf(&d.b, "s%d:\n", i+1)
	}
	d.launch(last, position, fmt.Sprintf("again%d", first))
	fmt.Fprintf(&d.b, "again%d:\n  %%i%d.next = add i64 %%i%d, 1\n  %%more%d = icmp slt i64 %%i%d.next, %s\n", first, first, first, first, first, turns)
	fmt.Fprintf(&d.b, "  br i1 %%more%d, label %%turn%d, label %%%s\n", first, first, next)
}

func (d *driver) set(format string, args ...any) string {
	d.last++
	fmt.Fprintf(&d.b, "  %%t%d = %s\n", d.last, fmt.Sprintf(format, args...))
	return "%t" + strconv.Itoa(d.last)
}

// dim computes a Dim over the entry's symbols.
func (d *driver) dim(e tensor.Dim) string {
	if c, ok := e.Const(); ok {
		return strconv.FormatInt(c, 10)
	}
	sum := "0"
	e.Terms(func(coef int64, factors []tensor.Factor) {
		v := strconv.FormatInt(coef, 10)
		for _, f := range factors {
			v = d.set("mul i64 %s, %s", v, d.factor(f))
		}
		sum = d.set("add i64 %s, %s", sum, v)
	})
	return sum
}

func (d *driver) factor(f tensor.Factor) string {
	if f.Den > 0 {
		num := d.dim(f.Num)
		negative := d.set("icmp slt i64 %s, 0", num)
		less := d.set("select i1 %s, i64 %d, i64 0", negative, 1-f.Den)
		return d.set("sdiv i64 %s, %d", d.set("add i64 %s, %s", num, less), f.Den)
	}
	for i, s := range d.entry.Symbols {
		if s == f.Name {
			return "%n" + strconv.Itoa(i)
		}
	}
	panic(fmt.Sprintf("BUG: entry %s has no symbol %s", d.entry.Name, f.Name))
}

// teamText is @launch and @barrier, and where there are regions, @holds.
//
// @launch gives worker t of T the blocks t*B/T .. (t+1)*B/T behind those that are skipped: it lists the buffers and symbols
// that the table names, behind them the position of the recurrence under way, calls the kernel,
// and meets the others. It returns true when the call is cancelled.
//
// @holds reads the condition of a region, and meets the others where there are: nobody may go on to
// what changes the condition, or uses its memory, before all have read it.
//
// @barrier: the last thread to arrive resets the count, adds one to the turn and wakes the
// sleepers; the others wait for the turn to change, spinning at first, then in the kernel. A
// thread that sees the cancel word leaves at once, from here and from all barriers behind: the
// word is never reset in a call, so nobody waits for it there. Sleepers is counted so that a
// barrier where all spin makes no system call; a thread counts itself before it looks at the
// turn for the last time (inside the system call), the last one looks at the count after it
// has changed the turn, so one of them sees the other.
func teamText(regions bool) string {
	r := strings.NewReplacer("$THREADS", itoa(program.FrameThreads), "$THREAD", itoa(program.WorkerThread), "$SCRATCH", itoa(program.WorkerScratch),
		"$BUFFERS", itoa(program.FrameBuffers), "$SYMBOLS", itoa(program.FrameSymbols), "$CODE", itoa(program.FrameCode), "$KERNELS", itoa(program.FrameKernels),
		"$SPIN", itoa(program.FrameSpin), "$CANCEL", itoa(program.FrameCancel), "$ARRIVED", itoa(program.FrameArrived), "$TURN", itoa(program.FrameTurn),
		"$SLEEPERS", itoa(program.FrameSleepers), "$ARGUMENTS", itoa(argumentBytes))
	if regions {
		return r.Replace(team + holds)
	}
	return r.Replace(team)
}

func itoa(v int) string { return strconv.Itoa(v) }

// argumentBytes of each worker's scratch hold the argument list of the kernel that runs, which is
// as long as the launch with the most arguments and symbols may be.
const argumentBytes = 64 << 10

// checkLists makes sure that the list of every launch has room.
func checkLists(entries []*program.Entry) error {
	for _, e := range entries {
		for _, l := range e.Steps {
			if n := len(l.Args) + len(l.Symbols) + 1; n > argumentBytes/8 {
				return fmt.Errorf("entry %s: `%s` from %s takes %d buffers and symbols, more than the %d that a kernel can have", e.Name, l.Op, l.Span, n-1, argumentBytes/8-1)
			}
		}
	}
	return nil
}

const team = `define internal i1 @launch(ptr %worker, ptr %frame, i64 %blocks, i64 %skipped, i64 %before, i64 %all, i1 %follows, ptr %table, i64 %position) noinline #0 {
entry:
  %threads.at = getelementptr i8, ptr %frame, i64 $THREADS
  %threads = load i64, ptr %threads.at, align 8
  %thread.at = getelementptr i8, ptr %worker, i64 $THREAD
  %thread = load i64, ptr %thread.at, align 8
  %cancel.at = getelementptr i8, ptr %frame, i64 $CANCEL
  %first = mul i64 %thread, %all
  %from.all = udiv i64 %first, %threads
  %last = add i64 %first, %all
  %to.all = udiv i64 %last, %threads
  %from.own = sub i64 %from.all, %before
  %to.own = sub i64 %to.all, %before
  %begin = call i64 @llvm.smax.i64(i64 %from.own, i64 0)
  %end = call i64 @llvm.smin.i64(i64 %to.own, i64 %blocks)
  %some = icmp slt i64 %begin, %end
  br i1 %some, label %run, label %done
run:
  %scratch.at = getelementptr i8, ptr %worker, i64 $SCRATCH
  %scratch = load ptr, ptr %scratch.at, align 8
  %buffers.at = getelementptr i8, ptr %frame, i64 $BUFFERS
  %buffers = load ptr, ptr %buffers.at, align 8
  %symbols.at = getelementptr i8, ptr %frame, i64 $SYMBOLS
  %symbols = load ptr, ptr %symbols.at, align 8
  %args.at = getelementptr i32, ptr %table, i64 1
  %args = load i32, ptr %args.at, align 4
  %syms.at = getelementptr i32, ptr %table, i64 2
  %syms = load i32, ptr %syms.at, align 4
  %total = add i32 %args, %syms
  %list = getelementptr i32, ptr %table, i64 3
  %none = icmp eq i32 %total, 0
  br i1 %none, label %call, label %copy
copy:
  %i = phi i32 [ 0, %run ], [ %i.next, %copy ]
  %i.wide = zext i32 %i to i64
  %number.at = getelementptr i32, ptr %list, i64 %i.wide
  %number = load i32, ptr %number.at, align 4
  %number.wide = zext i32 %number to i64
  %is.arg = icmp ult i32 %i, %args
  %from = select i1 %is.arg, ptr %buffers, ptr %symbols
  %from.at = getelementptr i64, ptr %from, i64 %number.wide
  %value = load i64, ptr %from.at, align 8
  %to.at = getelementptr i64, ptr %scratch, i64 %i.wide
  store i64 %value, ptr %to.at, align 8
  %i.next = add i32 %i, 1
  %more = icmp ult i32 %i.next, %total
  br i1 %more, label %copy, label %call
call:
  %code.at = getelementptr i8, ptr %frame, i64 $CODE
  %code = load ptr, ptr %code.at, align 8
  %kernels.at = getelementptr i8, ptr %frame, i64 $KERNELS
  %kernels = load ptr, ptr %kernels.at, align 8
  %kernel.number = load i32, ptr %table, align 4
  %kernel.wide = zext i32 %kernel.number to i64
  %kernel.at = getelementptr i64, ptr %kernels, i64 %kernel.wide
  %kernel.place = load i64, ptr %kernel.at, align 8
  %kernel = getelementptr i8, ptr %code, i64 %kernel.place
  %args.wide = zext i32 %args to i64
  %syms.list = getelementptr i64, ptr %scratch, i64 %args.wide
  %total.wide = zext i32 %total to i64
  %position.at = getelementptr i64, ptr %scratch, i64 %total.wide
  store i64 %position, ptr %position.at, align 8
  %room = getelementptr i8, ptr %scratch, i64 $ARGUMENTS
  %block.begin = add i64 %begin, %skipped
  %block.end = add i64 %end, %skipped
  call void %kernel(ptr %scratch, ptr %syms.list, i64 %block.begin, i64 %block.end, ptr %room, ptr %cancel.at)
  br label %done
done:
  br i1 %follows, label %go, label %meet
go:
  ret i1 false
meet:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %check, label %wait
wait:
  call void @barrier(ptr %frame, i64 %threads)
  br label %check
check:
  %cancel = load atomic i32, ptr %cancel.at acquire, align 4
  %cancelled = icmp ne i32 %cancel, 0
  ret i1 %cancelled
}

define internal void @barrier(ptr %frame, i64 %threads) noinline #0 {
entry:
  %cancel.at = getelementptr i8, ptr %frame, i64 $CANCEL
  %arrived.at = getelementptr i8, ptr %frame, i64 $ARRIVED
  %turn.at = getelementptr i8, ptr %frame, i64 $TURN
  %sleepers.at = getelementptr i8, ptr %frame, i64 $SLEEPERS
  %spin.at = getelementptr i8, ptr %frame, i64 $SPIN
  %limit = load i64, ptr %spin.at, align 8
  %turn = load atomic i32, ptr %turn.at seq_cst, align 4
  %cancel = load atomic i32, ptr %cancel.at seq_cst, align 4
  %cancelled = icmp ne i32 %cancel, 0
  br i1 %cancelled, label %done, label %arrive
arrive:
  %before = atomicrmw add ptr %arrived.at, i32 1 seq_cst
  %now = add i32 %before, 1
  %now.wide = zext i32 %now to i64
  %is.last = icmp eq i64 %now.wide, %threads
  br i1 %is.last, label %open, label %spinning
open:
  store atomic i32 0, ptr %arrived.at seq_cst, align 4
  %old = atomicrmw add ptr %turn.at, i32 1 seq_cst
  %sleepers = load atomic i32, ptr %sleepers.at seq_cst, align 4
  %asleep = icmp ne i32 %sleepers, 0
  br i1 %asleep, label %wake, label %done
wake:
  %woken = call i64 asm sideeffect "syscall", "={rax},{rax},{rdi},{rsi},{rdx},~{rcx},~{r11},~{memory}"(i64 202, ptr %turn.at, i64 129, i64 2147483647)
  br label %done
spinning:
  %n = phi i64 [ 0, %arrive ], [ %n.next, %again ]
  %seen = load atomic i32, ptr %turn.at seq_cst, align 4
  %same = icmp eq i32 %seen, %turn
  br i1 %same, label %patience, label %done
patience:
  %n.next = add i64 %n, 1
  %spin = icmp ult i64 %n, %limit
  br i1 %spin, label %again, label %sleep
again:
  call void asm sideeffect "pause", "~{memory}"()
  br label %spinning
sleep:
  %counted = atomicrmw add ptr %sleepers.at, i32 1 seq_cst
  br label %look
look:
  %late = load atomic i32, ptr %cancel.at seq_cst, align 4
  %late.cancelled = icmp ne i32 %late, 0
  br i1 %late.cancelled, label %up, label %down
down:
  %slept = call i64 asm sideeffect "syscall", "={rax},{rax},{rdi},{rsi},{rdx},{r10},~{rcx},~{r11},~{memory}"(i64 202, ptr %turn.at, i64 128, i32 %turn, i64 0)
  %seen.later = load atomic i32, ptr %turn.at seq_cst, align 4
  %still = icmp eq i32 %seen.later, %turn
  br i1 %still, label %look, label %up
up:
  %uncounted = atomicrmw sub ptr %sleepers.at, i32 1 seq_cst
  br label %done
done:
  ret void
}

`

const holds = `define internal i1 @holds(ptr %worker, ptr %frame, i64 %buffer) noinline #0 {
entry:
  %threads.at = getelementptr i8, ptr %frame, i64 $THREADS
  %threads = load i64, ptr %threads.at, align 8
  %buffers.at = getelementptr i8, ptr %frame, i64 $BUFFERS
  %buffers = load ptr, ptr %buffers.at, align 8
  %cond.at = getelementptr ptr, ptr %buffers, i64 %buffer
  %cond = load ptr, ptr %cond.at, align 8
  %value = load i8, ptr %cond, align 1
  %holds = icmp ne i8 %value, 0
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %wait
wait:
  call void @barrier(ptr %frame, i64 %threads)
  br label %done
done:
  ret i1 %holds
}

`
