package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/internal/capacity"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/channels"
	"github.com/syncmanager/syncmanager/server/pages"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/token"
)

func (s *Server) open(ctx context.Context) (err error) {
	if err := s.checkDatabase(); err != nil {
		return err
	}
	if err := s.checkNodeFolder(); err != nil {
		return err
	}
	if err := s.openBackend(ctx); err != nil {
		return err
	}
	if s.cfg.Node != nil {
		return s.openNode(ctx)
	}
	keys, err := s.loadKeys(ctx)
	if err != nil {
		return err
	}
	s.nodeKey = keys.nodes
	signer := token.NewSigner(keys.tokens)
	verifier, err := s.openAccounts(ctx, keys)
	if err != nil {
		return err
	}
	var live func(context.Context, string, string) (bool, error)
	if s.accounts != nil {
		live = s.accounts.Live
	}
	s.tokens, err = token.Open(ctx, token.Config{
		Database: s.cfg.Database, Dir: s.cfg.Dir, Node: s.node, NodeType: s.backend.NodeType(), Signer: signer, HashKey: keys.hashes, Verifier: verifier,
		ReadOnly: func() bool { return s.readOnly.is(s.cfg.Now()) }, NodeSecret: s.nodeSecret, NodePath: storagePrefix, Quota: s.quotaOfAccount,
		Duration: s.cfg.TokenDuration, Live: live, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log, Security: s.security, Telemetry: s.telemetry,
	})
	if err != nil {
		return err
	}
	admit := s.admit
	if s.cfg.Database != "" {
		admit = s.admitInStep()
	}
	if err := s.openStorage(ctx, &hawkAuth{signer: signer, admit: admit, names: s.names, now: s.cfg.Now}); err != nil {
		return err
	}
	if s.cfg.Database != "" {
		return s.askBatches(ctx)
	}
	return nil
}

func (s *Server) loadKeys(ctx context.Context) (keys, error) {
	if s.cfg.Database != "" {
		return s.sharedKeys(ctx)
	}
	return loadKeys(filepath.Join(s.cfg.Dir, "token-secret"), s.cfg.Rand)
}

// storageFolder is the folder of the users' files, in the data folder.
const storageFolder = "storage"

var (
	// ErrTwoStorages means that Config.Backend is set for a data folder that has users' files.
	ErrTwoStorages = errors.New("the folder has records that the configured storage would hide: move it away")
	// ErrNoStorage means that Config.Backend is not set for a data folder whose users' records
	// are elsewhere.
	ErrNoStorage = errors.New("the users' records are not in it: use the app that stores them elsewhere, or put its folder " +
		storageFolder + " back; an empty one begins without records")
)

// openBackend opens the users' files, unless a database or another backend is configured. It is the first
// to put something into a new data folder, so that a folder with users always has theirs.
func (s *Server) openBackend(ctx context.Context) (err error) {
	if s.cfg.Database != "" {
		return s.openDatabase(ctx)
	}
	folder := filepath.Join(s.cfg.Dir, storageFolder)
	switch configured := s.cfg.Backend != nil; {
	case configured && exists(folder):
		return fmt.Errorf("%s: %w", folder, ErrTwoStorages)
	case configured:
		return nil
	case !exists(folder) && exists(filepath.Join(s.cfg.Dir, "token.sqlite")):
		return fmt.Errorf("%s: %w", s.cfg.Dir, ErrNoStorage)
	}
	files, err := sqlite.New(sqlite.Config{
		Dir: folder, Now: s.cfg.Now, Telemetry: s.telemetry, MaxOpen: openFiles(s.cfg.Memory, capacity.Descriptors()),
		Waited: s.metrics.journalWaits(),
	})
	if err == nil {
		s.backend = files
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// openStorage starts the service on the backend.
func (s *Server) openStorage(ctx context.Context, auth *hawkAuth) error {
	if err := s.openEvents(ctx, auth); err != nil {
		return err
	}
	cfg := storage.Config{
		Backend: s.backend, Prefix: storagePrefix, Auth: &notedAuth{auth, s}, Events: s.events,
		Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log, Limits: s.cfg.Limits, QuotaOf: s.quotaOf, MaxWaiting: s.cfg.MaxWaiting,
	}
	if s.cfg.Backend == nil && s.cfg.Database == "" {
		cfg.Full, cfg.BatchRoom = s.diskFull, s.batchRoom
	}
	if s.cfg.Database != "" {
		cfg.BatchRoom = s.sharedBatchRoom
	}
	s.storage = storage.New(cfg)
	return nil
}

// node returns the root URL of the storage, for the client that sent a request.
func (s *Server) node(ctx context.Context) string { return s.names.Of(ctx).String() + storagePrefix }

// openAccounts opens the accounts server with its pages, unless another server has the
// accounts.
func (s *Server) openAccounts(ctx context.Context, keys keys) (_ token.Verifier, err error) {
	if s.cfg.External != nil {
		return s.cfg.external()
	}
	cfg := accounts.Config{
		Database: s.cfg.Database, Dir: s.cfg.Dir, PublicURLs: s.names, SignUp: s.cfg.SignUp, Cost: s.cfg.PasswordCost, Memory: s.cfg.Memory / 4, Full: s.diskFull, Limits: s.cfg.SignIn,
		Disabled: s.disabled, Destroyed: s.destroyed, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log,
		Security: s.security, Telemetry: s.telemetry,
	}
	opened := make(chan struct{})
	if err := s.openSenders(ctx, keys, opened); err != nil {
		return nil, err
	}
	if s.push != nil {
		cfg.Push = s.push
	}
	if s.mail != nil {
		cfg.Mail, cfg.CodeKey = s.mail, keys.codes
	}
	if s.accounts, err = accounts.Open(ctx, cfg); err != nil {
		return nil, err
	}
	close(opened)
	if s.cfg.Database != "" {
		if s.board, err = channels.OpenBoard(ctx, s.cfg.Database, s.cfg.Rand, s.telemetry); err != nil {
			return nil, err
		}
	}
	s.channels = channels.New(channels.Config{Board: s.board, Sender: s.channelSender, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log})
	s.pages, err = pages.New(pages.Config{PublicURLs: s.names, SignUp: s.cfg.SignUp})
	return s.accounts, err
}
