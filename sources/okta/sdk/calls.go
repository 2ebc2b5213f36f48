package sdk

import (
	"context"
	"fmt"

	"github.com/idpbridge/idpbridge/sources/okta"
)

// execute sends one call through its request builder. The typed results are empty: see
// tap.
func (c *Client) execute(ctx context.Context, r okta.Request) (err error) {
	switch r.Call {
	case okta.ListUsers:
		return c.listUsers(ctx, r)
	case okta.GetUser:
		_, _, err = c.api.UserAPI.GetUser(ctx, r.ID).Execute()
	case okta.ListGroups:
		return c.listGroups(ctx, r)
	case okta.GetGroup:
		_, _, err = c.api.GroupAPI.GetGroup(ctx, r.ID).Execute()
	case okta.ListGroupUsers:
		b := c.api.GroupAPI.ListGroupUsers(ctx, r.ID).Limit(r.Limit)
		if r.After != "" {
			b = b.After(r.After)
		}
		_, _, err = b.Execute()
	case okta.ListAppUsers:
		b := c.api.ApplicationUsersAPI.ListApplicationUsers(ctx, r.ID).Limit(r.Limit)
		if r.After != "" {
			b = b.After(r.After)
		}
		_, _, err = b.Execute()
	case okta.GetAppUser:
		_, _, err = c.api.ApplicationUsersAPI.GetApplicationUser(ctx, r.ID, r.Member).Execute()
	case okta.ListAppGroups:
		b := c.api.ApplicationGroupsAPI.ListApplicationGroupAssignments(ctx, r.ID).Limit(r.Limit)
		if r.After != "" {
			b = b.After(r.After)
		}
		_, _, err = b.Execute()
	case okta.GetAppGroup:
		_, _, err = c.api.ApplicationGroupsAPI.GetApplicationGroupAssignment(ctx, r.ID, r.Member).Execute()
	case okta.ListLogs:
		return c.listLogs(ctx, r)
	default:
		err = fmt.Errorf("okta: no such call: %d", r.Call)
	}
	return err
}

func (c *Client) listUsers(ctx context.Context, r okta.Request) error {
	b := c.api.UserAPI.ListUsers(ctx).Limit(r.Limit)
	if r.Filter != "" {
		b = b.Filter(r.Filter)
	}
	if r.Search != "" {
		b = b.Search(r.Search)
	}
	if r.After != "" {
		b = b.After(r.After)
	}
	_, _, err := b.Execute()
	return err
}

func (c *Client) listGroups(ctx context.Context, r okta.Request) error {
	b := c.api.GroupAPI.ListGroups(ctx).Limit(r.Limit)
	if r.Filter != "" {
		b = b.Filter(r.Filter)
	}
	if r.Search != "" {
		b = b.Search(r.Search)
	}
	if r.After != "" {
		b = b.After(r.After)
	}
	_, _, err := b.Execute()
	return err
}

func (c *Client) listLogs(ctx context.Context, r okta.Request) error {
	b := c.api.SystemLogAPI.ListLogEvents(ctx).Limit(r.Limit)
	if r.Filter != "" {
		b = b.Filter(r.Filter)
	}
	if r.After != "" {
		b = b.After(r.After)
	}
	if !r.Since.IsZero() {
		b = b.Since(r.Since)
	}
	_, _, err := b.Execute()
	return err
}
