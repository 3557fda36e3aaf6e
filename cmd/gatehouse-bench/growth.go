package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A measurement is what some amount of work took.
type measurement struct{ work, cost float64 }

// A curve is how a cost grows with the work.
type curve struct {
	title, workLabel, costLabel string
	points                      []measurement
}

// growth measures how memory and CPU grow with users, and the time and CPU of a
// join with the size of the channel, each from 10 on in steps of about three.
func (b *bench) growth(ctx context.Context, most int) ([]curve, error) {
	memory := curve{title: "Memory of users in 3 channels", workLabel: "users", costLabel: "MiB"}
	coming := curve{title: "CPU of their coming in", workLabel: "users", costLabel: "s"}
	join := curve{title: "CPU of joining a channel", workLabel: "people in it", costLabel: "ms"}
	for _, n := range steps(most) {
		f, err := b.grown(ctx, n, (*trial).settled)
		if err != nil {
			return nil, fmt.Errorf("%d users: %w", n, err)
		}
		memory.points = append(memory.points, measurement{float64(n), f["memory"]})
		coming.points = append(coming.points, measurement{float64(n), f["cpu"]})
		if f, err = b.grown(ctx, n, (*trial).joins); err != nil {
			return nil, fmt.Errorf("a channel of %d: %w", n, err)
		}
		join.points = append(join.points, measurement{float64(n), f["cpu"]})
	}
	return []curve{memory, coming, join}, nil
}

// draw measures the growth and writes the plot.
func (b *bench) draw(ctx context.Context) error {
	curves, err := b.growth(ctx, b.most)
	if err != nil {
		return err
	}
	for _, c := range curves {
		fmt.Fprintf(b.out, "%s, %s by %s:", c.title, c.costLabel, c.workLabel)
		for _, p := range c.points {
			fmt.Fprintf(b.out, " %g: %s", p.work, amount(p.cost))
		}
		fmt.Fprintln(b.out)
	}
	return os.WriteFile(b.plot, []byte(plot(curves)), 0o644)
}

func steps(most int) (all []int) {
	for n := 10; n <= most; n *= 10 {
		all = append(all, n)
		if 3*n <= most {
			all = append(all, 3*n)
		}
	}
	return all
}

func (b *bench) grown(ctx context.Context, n int, do func(*trial, sizes) (figures, error)) (figures, error) {
	if err := b.freshIRC(ctx); err != nil {
		return nil, err
	}
	b.trials++
	t, err := b.subjects[0].start(ctx, setup{dir: filepath.Join(b.dir, fmt.Sprintf("growth-%d", b.trials)), irc: b.ircd.Addr, history: true})
	if err != nil {
		return nil, err
	}
	return t.measure(ctx, do, sizes{users: n, crowd: n, rests: resting})
}

// settled is what users cost who come into three channels each.
func (t *trial) settled(o sizes) (figures, error) {
	memory, cpu, err := t.rest(o, o.users, comeMost)
	if err != nil {
		return nil, err
	}
	return figures{"memory": memory / 1024, "cpu": cpu.Seconds()}, nil
}

// joinsPerSize evens out the clock's ticks, which are as long as a small join.
const joinsPerSize = 20

// joins is what one join of a channel costs, as the mean of several users'.
func (t *trial) joins(o sizes) (figures, error) {
	crowd, err := gather(t.irc, o.crowd)
	defer crowd.leave()
	if err != nil {
		return nil, err
	}
	if err := t.join([]string{"#lobby"}, 5000, 5000+joinsPerSize, nil); err != nil {
		return nil, err
	}
	cpu := t.cpu()
	for i := range joinsPerSize {
		if err := t.join([]string{"#big"}, 5000+i, 5001+i, nil); err != nil {
			return nil, err
		}
	}
	return figures{"cpu": ms(t.cpu()-cpu) / joinsPerSize}, nil
}
