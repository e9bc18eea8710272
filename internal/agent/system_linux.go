package agent

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// ThisSystem returns what Linux tells. Nothing is polled: the kernel wakes the process, or D-Bus does.
func ThisSystem(log *slog.Logger) System {
	return &linuxSystem{log: log, bus: func(ctx context.Context) (*dbus.Conn, error) { return dbus.ConnectSystemBus(dbus.WithContext(ctx)) }}
}

type linuxSystem struct {
	log *slog.Logger
	bus func(context.Context) (*dbus.Conn, error)
}

// Watch implements [System].
func (s *linuxSystem) Watch(ctx context.Context, tell func(Event)) {
	failed := func(err error) {
		if err != nil && ctx.Err() == nil {
			s.log.InfoContext(ctx, "the system does not tell everything", "err", err)
		}
	}
	go func() { failed(watchClock(ctx, tell)) }()
	go func() { failed(watchAddresses(ctx, tell)) }()
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	heed, err := s.watchBus(ctx, asking, tell)
	if err != nil {
		failed(err)
		return
	}
	go func() { failed(heed()) }()
}

// patience bounds how long D-Bus may take to answer.
const patience = 2 * time.Second

// watchFile calls event for each read of f that ends, until ctx ends.
func watchFile(ctx context.Context, f *os.File, event func(read []byte, err error) error) error {
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer stop()
	defer f.Close()
	b := make([]byte, 1<<16)
	for {
		n, err := f.Read(b)
		if ctx.Err() != nil {
			return nil
		}
		if err := event(b[:n], err); err != nil {
			return err
		}
	}
}

// watchClock tells when the wall clock jumps, which it also does when the machine wakes up. A timer on
// that clock is cancelled then.
func watchClock(ctx context.Context, tell func(Event)) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	arm := func() error {
		never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32}}
		return unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
	}
	if err := arm(); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return watchFile(ctx, os.NewFile(uintptr(fd), "clock"), func(_ []byte, err error) error {
		if err != nil && !errors.Is(err, unix.ECANCELED) {
			return err
		}
		tell(Event{Moved: true})
		return arm()
	})
}

// watchAddresses tells when this machine gets an address.
func watchAddresses(ctx context.Context, tell func(Event)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR}); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return watchFile(ctx, os.NewFile(uintptr(fd), "rtnetlink"), func(_ []byte, err error) error {
		// What the buffer had no room for was something too.
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return err
		}
		tell(Event{Moved: true})
		return nil
	})
}

// A property of a service on D-Bus decides on a pause.
type property struct {
	service     string
	path        dbus.ObjectPath
	iface, name string
	pause, why  string
	closes      func(value uint32) bool
}

// The values are those of NMMetered and of UPower's DeviceWarningLevel.
var properties = []property{
	{
		"org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Metered",
		Network, "the network is metered", func(v uint32) bool { return v == 1 || v == 3 }, // yes, or so it seems
	},
	{
		"org.freedesktop.UPower", "/org/freedesktop/UPower/devices/DisplayDevice", "org.freedesktop.UPower.Device", "WarningLevel",
		Battery, "the battery is low", func(v uint32) bool { return v >= 3 }, // low, critical, action
	},
}

// watchBus tells what NetworkManager and UPower say now, which it asks until asking ends. heed goes on
// with what they say later, until ctx ends.
func (s *linuxSystem) watchBus(ctx, asking context.Context, tell func(Event)) (heed func() error, err error) {
	conn, err := s.bus(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	for _, p := range properties {
		// Before the value is asked for, so that no change is missed.
		err := conn.AddMatchSignalContext(asking, dbus.WithMatchSender(p.service), dbus.WithMatchObjectPath(p.path),
			dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"))
		if err != nil {
			return nil, err
		}
		var v dbus.Variant
		// A service that is not there tells nothing. It must not be started for this.
		err = conn.Object(p.service, p.path).CallWithContext(asking, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, p.iface, p.name).Store(&v)
		if err == nil {
			p.tell(v, tell)
		}
	}
	return func() error { return heedSignals(ctx, conn, signals, tell) }, nil
}

// heedSignals tells what signals say, until ctx or the connection ends.
func heedSignals(ctx context.Context, conn *dbus.Conn, signals <-chan *dbus.Signal, tell func(Event)) error {
	defer func() { _ = conn.Close() }()
	for {
		select {
		case signal, ok := <-signals:
			if !ok {
				return errors.New("the connection to D-Bus ended")
			}
			for _, p := range properties {
				p.heed(signal, tell)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// heed tells what a PropertiesChanged of the property's object says of it.
func (p property) heed(signal *dbus.Signal, tell func(Event)) {
	var iface string
	var changed map[string]dbus.Variant
	var left []string
	if signal.Path != p.path || dbus.Store(signal.Body, &iface, &changed, &left) != nil || iface != p.iface {
		return
	}
	if v, ok := changed[p.name]; ok {
		p.tell(v, tell)
	}
}

func (p property) tell(v dbus.Variant, tell func(Event)) {
	value, ok := v.Value().(uint32)
	switch {
	case !ok:
	case p.closes(value):
		tell(Event{Pause: p.pause, Why: p.why})
	default:
		tell(Event{Pause: p.pause})
	}
}
